"""What reports say of samples that were left out."""

from __future__ import annotations

from typing import Any, NamedTuple, cast

from rateval.records.key import Key
from rateval.records.run import RunRecord
from rateval.records.scores.cell import SkippedRecord
from rateval.report.sentences.skipped import explain_skipped


class Cell(NamedTuple):
    key: Key
    trained: bool
    skipped: tuple[SkippedRecord, ...]
    skipped_in_training: tuple[SkippedRecord, ...]


class Record(NamedTuple):
    cells: tuple[Cell, ...]


def cell(finetuner: str, *skipped: SkippedRecord, dataset: str = "birds", **more: Any) -> Cell:
    key = Key(
        dataset=dataset, model="clip", finetuner=finetuner, shift=None, attribution="maps", seed=0
    )
    return Cell(key, finetuner != "zs", skipped, more.get("training", ()))


def explain(*cells: Cell) -> list[str]:
    return list(explain_skipped(cast(RunRecord, Record(cells))))


GREY = [SkippedRecord(id=f"g{n}.jpg", reason=f"not in colour: mode {n}") for n in range(12)]
CUT = SkippedRecord(id="cut.jpg", reason="unreadable image: truncated", damaged=True)
GONE = SkippedRecord(id="gone.jpg", reason="unreadable image: no such file", damaged=True)


def test_once_for_a_dataset_with_damaged_files_first_and_by_name() -> None:
    skipped = (*GREY, CUT, GONE)
    assert explain(cell("zs", *skipped), cell("ft", *skipped), cell("lp", *skipped)) == [
        "birds: 14 test samples skipped",
        "  · 2 × unreadable image: cut.jpg, gone.jpg; the first: truncated",
        "  · 12 × not in colour: such as g0.jpg; mode 0",
    ]


def test_rows_that_differ_and_datasets_apart() -> None:
    assert explain(
        cell("zs", CUT), cell("ft", training=(GONE,)), cell("zs", dataset="dogs"), cell("lp")
    ) == [
        "birds: 1 test sample skipped, 0 to 1 in each row",
        "  · 1 × unreadable image: cut.jpg; truncated",
        "birds: 1 training sample skipped, 0 to 1 in each row",
        "  · 1 × unreadable image: gone.jpg; no such file",
    ]
    assert explain(cell("zs")) == []


def test_of_many_reasons_the_most_frequent_are_shown() -> None:
    every = [
        SkippedRecord(id=f"{kind}{n}", reason=f"reason {kind}")
        for kind in range(6)
        for n in range(kind + 1)
    ]
    notes = explain(cell("zs", *every))
    assert notes[1] == "  · 6 × reason 5: such as 50"
    assert len(notes) == 6
    assert notes[-1] == "  · 3 × for 2 more reasons, in run.json"
