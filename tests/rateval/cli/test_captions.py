"""A study of captions from its spec to what people read of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import rateval as library

SPEC: dict[str, Any] = {
    "study": {"name": "told"},
    "dataset": [{"use": "captions", "test": 12}],
    "model": [{"use": "writer", "says": "A {seen} square, two dogs and a Wall. Dogs!"}],
    "finetune": [{"use": "zs"}],
    "attribution": [{"use": "generic-attention"}, {"use": "random"}],
    "run": {"device": "cpu", "batch_size": 5},
}


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, acme: Path) -> None:
    monkeypatch.chdir(tmp_path)


def test_rows_hold_phrases_and_captions() -> None:
    record = library.run(SPEC)
    assert record.status == "finished", [failure.error for failure in record.failures]
    assert record.spec_resolved["statistics"]["cluster"] == "sample"
    cell = record.cells[0]
    rows = record.rows(cell).to_pylist()
    for row in rows:
        assert row["output"][row["start"] : row["stop"]] == row["phrase"]
        assert row["references"][0].startswith("A ")
    of_one = [row for row in rows if row["sample"] == "0000"]
    assert [row["id"] for row in of_one][1:] == ["0000#background", "0000#dog"]
    for row in rows:
        assert row["correct"] is (row["phrase"] != "dogs")
        assert (row["prediction"] == row["label"]) is row["correct"]
        assert (row["mask_area"] is None) is (row["phrase"] in ("Wall", "dogs"))
    quadrants = cell.evidence[0].quadrants
    assert quadrants["RU"] == sum(row["phrase"] == "Wall" for row in rows) == 12
    assert quadrants["WU"] == 12
    assert (quadrants["WR"], quadrants["WW"]) == (0, 0)
    assert sum(quadrants.values()) == len(rows) == cell.count
    told = cell.captions
    assert told is not None
    assert (told.samples, told.silent) == (12, 0)
    # Two dogs in each caption, and one class more for all but the wall.
    assert (told.chair_i.numerator, told.chair_i.denominator) == (24, len(rows) + 12)
    assert told.chair_s.value == 1
    # What explains doesn't change what is said.
    others = record.rows(record.cells[1])
    assert record.rows(cell)["output"].equals(others["output"])


def test_shards_and_images_of_which_nothing_is_said() -> None:
    spec = SPEC | {"model": [{"use": "writer"}]}
    whole = library.run(spec, output="whole")
    assert whole.status == "finished", [failure.error for failure in whole.failures]
    run = SPEC["run"] | {"shard_size": 2, "batch_size": 2}
    parts = library.run(spec | {"run": run, "executor": {"use": "local", "workers": 2}}, output="p")
    told = whole.cells[0].captions
    assert told is not None
    assert 0 < told.silent < 12
    assert told.silent + whole.cells[0].count == told.samples == 12
    for one, other in zip(whole.cells, parts.cells, strict=True):
        mine, theirs = whole.rows(one).to_pylist(), parts.rows(other).to_pylist()
        assert [row["id"] for row in mine] == [row["id"] for row in theirs]
        assert [row["valid"] for row in mine] == [row["valid"] for row in theirs]
        assert one.captions == other.captions


def test_captions_that_name_nothing_fail_with_what_to_do() -> None:
    record = library.run(SPEC | {"model": [{"use": "writer", "says": "Nothing here."}]})
    assert record.status == "failed"
    assert any("12 samples names none" in failure.error for failure in record.failures)


def test_reports_and_comparisons_of_captions(rateval: Any) -> None:
    library.run(SPEC, output="one")
    library.run(SPEC | {"model": [{"use": "writer", "says": "A puppy near {seen}."}]}, output="two")
    (one,), (two,) = (list(Path(name).glob("told-*")) for name in ("one", "two"))
    told = rateval("report", str(one))
    assert told.code == 0, told.err
    assert "CHAIR" in told.out
    page = rateval("report", str(one), "--html", "page.html")
    assert page.code == 0, page.err
    compared = rateval("compare", str(one), str(two), "--json")
    assert compared.code == 0, compared.err
    for name in ("parquet", "csv", "coco", "fiftyone"):
        done = rateval("export", str(one), "--format", name, "--output", f"out-{name}")
        assert done.code == 0, done.err


@pytest.mark.parametrize(
    ("table", "content", "told"),
    [
        ("counterfactual", {"donors": 1}, "images are edited around one object each"),
        ("faithfulness", {"images": 4}, "patches are taken away"),
        ("held_out", {"images": 4}, "scored by one prediction"),
        ("statistics", {"cluster": "class"}, 'write "sample", "none"'),
    ],
)
def test_what_needs_one_unit_is_refused(table: str, content: Any, told: str) -> None:
    with pytest.raises(library.RatevalError, match=told):
        library.run(SPEC | {table: content})
