"""What reports say of classes, of mask areas and of confidence by evidence, at every width."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator

import pytest
from rich.console import Console, Group, RenderableType

from rateval.records.key import Key
from rateval.records.scores.cell import EvidenceRecord, ScoreRecord
from rateval.records.scores.classes import AreaRecord, ClassesRecord, ClassRecord
from rateval.records.scores.confidence import ConfidenceRecord
from rateval.records.scores.estimate import Estimate, estimate_share
from rateval.report.rows import Block, Row
from rateval.report.sentences.classes import explain_details, explain_worst
from rateval.report.terminal.details import Details
from rateval.report.terminal.layout import show_notes

METRICS = {"a": "accuracy", "p": "PT"}


def classes(*worst: tuple[str, int, int], compared: int = 8) -> ClassesRecord:
    named = tuple(
        ClassRecord(
            name=name,
            numerator=k,
            denominator=n,
            value=k / n,
            low=k / n / 2,
            high=(1 + k / n) / 2,
        )
        for name, k, n in worst
    )
    return ClassesRecord(defined=8, macro=0.5, compared=compared, worst=named, design_effect=2.0)


ACCURACY = classes(("bee", 4, 40), ("ant", 8, 40), ("fly", 12, 40), ("gnat", 14, 40))
PT = classes(("wasp", 1, 20), ("bee", 3, 30), ("[bold]x", 4, 20), ("moth", 5, 20))
AREAS = tuple(
    AreaRecord(
        numerator=k,
        denominator=20,
        value=k / 20,
        low=0.1,
        high=0.9,
        least=at / 10,
        greatest=at / 10 + 0.1,
    )
    for at, k in enumerate((2, 6, 10))
)


def mean(value: float | None, count: int) -> Estimate:
    ends = (None, None) if value is None else (value - 0.01, value + 0.01)
    return Estimate(value=value, low=ends[0], high=ends[1], over="images", count=count)


CONFIDENCE = ConfidenceRecord(
    quadrants={"RR": mean(0.9, 9), "RW": mean(0.8, 9), "WR": mean(None, 0), "WW": mean(0.5, 4)},
    ability=mean(0.625, 18),
)


def block(
    finetuners: tuple[str, ...] = ("zs", "ft"),
    pt: ClassesRecord | None = PT,
    areas: tuple[AreaRecord, ...] = AREAS,
    validator: str = "mass",
    metrics: dict[str, str] = METRICS,
) -> Block:
    score = estimate_share(10, 40)
    evidence = EvidenceRecord(
        validator=validator,
        quadrants={},
        undefined={},
        scores=(
            ScoreRecord(metric="a", heading="accuracy", value=score, classes=ACCURACY),
            ScoreRecord(metric="p", heading="PT", value=score, classes=pt, areas=areas),
        ),
        confidence=CONFIDENCE,
    )
    keys = [Key(dataset="d", model="m", finetuner=name, attribution="x") for name in finetuners]
    rows = (*(Row(key, evidence, "") for key in keys),)
    return Block(
        dataset="d",
        attribution="x",
        validator=validator,
        metrics=metrics,
        shifted=False,
        count=40,
        rows=rows,
        cells=(),
        lacking=(),
    )


def draw(parts: Callable[[], Iterator[RenderableType]], width: int) -> list[str]:
    stream = io.StringIO()
    Console(file=stream, width=width).print(Group(*parts()))
    return stream.getvalue().splitlines()


def flat(lines: list[str]) -> str:
    return " ".join(" ".join(lines).split())


def test_the_worst_class_of_each_method_is_one_line() -> None:
    (line,) = explain_worst(block())
    assert line == (
        "worst class by PT: zs wasp 5.0 (2.5 to 52.5) of 20; ft wasp 5.0 (2.5 to 52.5) of 20"
    )
    (line,) = explain_worst(block(tuple(f"m{at}" for at in range(15))))
    assert line.endswith("m11 wasp 5.0 (2.5 to 52.5) of 20; and 3 more rows")


@pytest.mark.parametrize("found", [None, classes(("bee", 4, 40), compared=1), classes()])
def test_where_there_is_nothing_to_compare_no_class_is_named(found: ClassesRecord | None) -> None:
    assert list(explain_worst(block(pt=found, metrics={"p": "PT"}))) == []
    (line,) = explain_worst(block(pt=found))  # then by the metric that has some
    assert line.startswith("worst class by accuracy: zs bee 10.0 ")


@pytest.mark.parametrize("width", [80, 140])
def test_more_classes_are_named_where_there_is_room(width: int) -> None:
    details = Details(0.95, width)
    lines = draw(lambda: details.sections(block()), width)
    assert max(map(len, lines)) <= width
    text = flat(lines)
    assert (
        "worst classes of ft: PT wasp 5.0 (2.5 to 52.5) of 20, bee 10.0 (5.0 to 55.0) of 30"
    ) in text
    assert ("[bold]x 20.0" in text) == (width == 140)
    assert "moth" not in text
    # What is known of predictions is the same below the table of another validator.
    again = flat(draw(lambda: details.sections(block(validator="other")), width))
    assert "accuracy bee" in text
    assert "accuracy bee" not in again


def test_thirds_of_the_mask_area_are_a_table() -> None:
    wide = draw(lambda: Details(0.95, 140).sections(block()), 140)
    (title,) = [at for at, line in enumerate(wide) if "PT by thirds of mask area · mass" in line]
    assert wide[title + 1].split() == [
        *("model", "method"),
        *(
            f"{part}"
            for third in ("small", "middle", "large")
            for part in (third, "%", "95", "%", "mask")
        ),
    ]
    assert wide[title + 4].split() == [
        *("m", "ft"),
        *("10.0", "10.0", "to", "90.0", "0–10"),
        *("30.0", "10.0", "to", "90.0", "10–20"),
        *("50.0", "10.0", "to", "90.0", "20–30"),
    ]
    narrow = flat(draw(lambda: Details(0.95, 80).sections(block()), 80))
    assert "m ft 10.0 0–10 30.0 10–20 50.0 20–30" in narrow
    none = flat(draw(lambda: Details(0.95, 80).sections(block(areas=())), 80))
    assert "thirds" not in none


def test_confidence_stands_by_quadrant() -> None:
    narrow = draw(lambda: Details(0.9, 80).sections(block()), 80)
    (row,) = [line for line in narrow if line.startswith("m      ft") and "62.5" in line]
    assert row.split() == ["m", "ft", "90.0", "80.0", "–", "50.0", "62.5", "61.5", "to", "63.5"]
    wide = draw(lambda: Details(0.9, 140).sections(block()), 140)
    (row,) = [line for line in wide if line.startswith("m      ft") and "62.5" in line]
    assert "90.0 89.0 to 91.0 80.0 79.0 to 81.0 – 50.0" in flat([row])
    assert any("90 %" in line for line in wide)


def test_the_legend_says_where_there_is_more() -> None:
    told = dict(explain_details([block()], details=False))
    assert list(told) == ["worst class"]
    assert told["worst class"].endswith("; more by rateval report --details")
    whole = dict(explain_details([block()], details=True))
    assert list(whole) == ["worst class", "mask", "valid above other"]
    assert "--details" not in " ".join(whole.values())
    bare = block(pt=None, areas=(), metrics={"p": "PT"})
    assert list(explain_details([bare], details=False)) == []


def test_names_are_printed_as_they_are() -> None:
    found = classes(("[red]a\x1b[31m", 4, 40), ("y" * 60, 5, 40))
    notes = draw(lambda: show_notes(explain_worst(block(("zs",), pt=found))), 120)
    assert "[red]a" in flat(notes)
    assert "\x1b" not in flat(notes)
