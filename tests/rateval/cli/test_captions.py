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
