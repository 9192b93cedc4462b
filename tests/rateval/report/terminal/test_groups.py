"""The tables by groups: which values they show, and what stands for those that say nothing."""

from __future__ import annotations

import io

import pytest
from rich.console import Console, Group

from rateval.records.key import Key
from rateval.records.scores.cell import EvidenceRecord, ScoreRecord
from rateval.records.scores.estimate import Estimate
from rateval.records.scores.groups import GroupRecord, SliceRecord
from rateval.report.rows import Block, Row
from rateval.report.terminal.groups import GroupTables


def estimate(numerator: int, denominator: int) -> Estimate:
    value = numerator / denominator if denominator else None
    return Estimate(value=value, low=value, high=value, over="images", count=denominator)


def lines(slices: dict[str | None, tuple[int, int]], distinct: int) -> list[str]:
    group = GroupRecord(
        name="camera",
        distinct=distinct,
        slices=tuple(
            SliceRecord(value=value, count=pair[1], score=estimate(*pair))
            for value, pair in slices.items()
        ),
    )
    score = ScoreRecord(metric="pt", heading="PT", value=estimate(1, 2), groups=(group,))
    evidence = EvidenceRecord(validator="v", quadrants={}, undefined={}, scores=(score,))
    key = Key(dataset="d", model="m", finetuner="zs", attribution="a")
    other = key.model_copy(update={"finetuner": "lp"})
    rows = (Row(key, evidence, ""), Row(other, None, "failed"))
    block = Block("d", "a", "v", {"pt": "PT"}, False, 2, rows, (), ())
    stream = io.StringIO()
    Console(file=stream, width=80).print(Group(*GroupTables(False, {"pt": "PT"}).sections(block)))
    return stream.getvalue().splitlines()


def test_values_of_most_images_are_shown_and_the_others_counted() -> None:
    slices: dict[str | None, tuple[int, int]] = {f"c{at:02}": (1, at + 1) for at in range(11)}
    shown = lines(slices, 11)
    assert [line.split()[-3] for line in shown[4:12]] == [f"c{at:02}" for at in range(3, 11)]
    assert shown[12].strip() == "and 3 more values of camera, under groups in run.json"
    assert not any("lp" in line.split() for line in shown)  # it failed, as its own table says


def test_values_that_say_nothing_are_still_seen() -> None:
    shown = lines({"": (1, 4), "[bold]x": (0, 2), "y" * 60: (1, 1), None: (0, 0)}, 3)
    assert shown[4].split() == ["m", "zs", '""', "4", "25.0"]
    assert shown[5].split() == ["[bold]x", "2", "0.0"]
    assert shown[6].split() == ["y" * 39 + "…", "1", "100.0"]
    assert shown[7].split() == ["(not", "known)", "0", "–"]


@pytest.mark.parametrize("slices", [{"one": (1, 2)}, {None: (1, 2)}])
def test_one_value_is_no_slice(slices: dict[str | None, tuple[int, int]]) -> None:
    assert lines(slices, len([value for value in slices if value])) == []


def test_too_many_values_are_told() -> None:
    (line,) = lines({}, 3120)
    assert line.strip() == (
        "camera: 3,120 different values, more than 50, so there are no scores by it"
    )
