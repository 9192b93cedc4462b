"""Units that changed are written row by row, as they would be at once."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from rateval.errors import RatevalError
from rateval.json_file import format_json
from rateval.records.compare import ChangedRecord
from rateval.records.key import Key
from rateval.report.changed import write_changed

UNITS = [
    ChangedRecord(
        seed=None if at % 2 else at,
        id=name,
        label="[b]é\u2028",
        baseline="RR",
        candidate="RW",
        baseline_prediction="=1+1",
        candidate_prediction='a, "b"',
    )
    for at, name in enumerate(["one.png", "two\nlines", "-3", "\\x"])
]

KEYS = {name: Key(dataset="d", model="m", finetuner=name, attribution="a") for name in "xy"}


def record(*counts: int) -> Any:
    """Return what is read of a comparison, with so many changed units of each pair."""
    pairs = [
        SimpleNamespace(
            run=1,
            candidate=KEYS["x"],
            baseline=KEYS["y"],
            validator="[v]",
            changed=tuple(UNITS[:count]),
        )
        for count in counts
    ]
    return SimpleNamespace(runs=[SimpleNamespace(path=f"/run/{at}") for at in (0, 1)], pairs=pairs)


def rows(counts: tuple[int, ...]) -> list[dict[str, object]]:
    named = {
        "run": "/run/1",
        "dataset": "d",
        "candidate_cell": KEYS["x"].text(attribution=True),
        "baseline_cell": KEYS["y"].text(attribution=True),
        "validator": "[v]",
    }
    return [named | unit.model_dump() for count in counts for unit in UNITS[:count]]


@pytest.mark.parametrize("counts", [(), (0,), (1,), (4,), (2, 0, 3)])
def test_a_json_file_is_that_of_the_whole_list(tmp_path: Path, counts: tuple[int, ...]) -> None:
    write_changed(record(*counts), tmp_path / "changed.json")
    found = (tmp_path / "changed.json").read_bytes()
    assert found == format_json(rows(counts)).encode()


@pytest.mark.parametrize("counts", [(), (0,), (1,), (4,), (2, 0, 3)])
def test_a_csv_file_has_every_unit(tmp_path: Path, counts: tuple[int, ...]) -> None:
    write_changed(record(*counts), tmp_path / "changed.csv")
    text = (tmp_path / "changed.csv").read_text(encoding="utf-8")
    expected = rows(counts)
    assert text.splitlines()[0] == ",".join(expected[0] if expected else ["id"])
    found = list(csv.DictReader(io.StringIO(text)))
    assert [row["id"].removeprefix("'") for row in found] == [row["id"] for row in expected]
    assert {row["baseline_prediction"] for row in found} <= {"'=1+1"}


def test_what_was_there_stays_where_a_file_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(RatevalError, match="can't be written"):
        write_changed(record(1), tmp_path / "no folder" / "changed.csv")
    (tmp_path / "changed.csv").write_text("before")
    broken = record(1)
    broken.pairs[0].changed = (*UNITS, None)
    with pytest.raises(AttributeError):
        write_changed(broken, tmp_path / "changed.csv")
    assert [path.name for path in tmp_path.iterdir()] == ["changed.csv"]
    assert (tmp_path / "changed.csv").read_text() == "before"
