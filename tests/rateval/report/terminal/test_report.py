from __future__ import annotations

import io
import re
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from rateval.records.about.dataset import DatasetRecord
from rateval.records.about.environment import EnvironmentRecord
from rateval.records.key import Key
from rateval.records.run import RunRecord
from rateval.records.scores.cell import CellRecord, ScoreRecord, SkippedRecord, StoredEvidenceRecord
from rateval.records.scores.estimate import Estimate
from rateval.records.scores.explainers import (
    AgreementRecord,
    FaithfulnessRecord,
    RandomisationRecord,
    RankingChangeRecord,
    VerdictAgreementRecord,
)
from rateval.records.step import FailureRecord
from rateval.report.terminal.report import render
from rateval.stats.wilson import wilson_interval


def score(
    heading: str, numerator: int, denominator: int, change: float | None = None
) -> ScoreRecord:
    low, high = wilson_interval(numerator, denominator)
    value = Estimate(
        value=numerator / denominator if denominator else None,
        low=low,
        high=high,
        numerator=numerator,
        denominator=denominator,
        over="images",
        count=denominator,
    )
    return ScoreRecord(
        metric=heading.lower(),
        heading=heading,
        value=value,
        change=None if change is None else estimate(change, change - 0.05, change + 0.15),
    )


def estimate(value: float, low: float | None = None, high: float | None = None) -> Estimate:
    return Estimate(value=value, low=low, high=high, over="images", count=10)


def key(finetuner: str, **changes: Any) -> Key:
    values: dict[str, Any] = {
        "dataset": "biased",
        "model": "clip",
        "finetuner": finetuner,
        "shift": None,
        "attribution": "generic-attention",
    }
    return Key(**(values | changes))


def cell(finetuner: str, counts: tuple[int, int, int, int], **changes: Any) -> CellRecord:
    right_right, right_wrong, wrong_right, _ = counts
    delta = None if finetuner == "zs" else 0.123
    scores = (
        score("accuracy", right_right + right_wrong, sum(counts), delta),
        score("PT", right_right, right_right + right_wrong, delta and -delta),
        score("IR", right_right, right_right + wrong_right, delta and 0.0),
    )
    names = ("dataset", "model", "shift", "attribution")
    named = {name: changes.pop(name) for name in names if name in changes}
    evidence = StoredEvidenceRecord(
        validator="relevance-mass",
        identity="e" * 32,
        quadrants=dict(zip(("RR", "RW", "WR", "WW"), counts, strict=True)),
        undefined=changes.pop("undefined", {}),
        scores=scores,
    )
    values: dict[str, Any] = {
        "key": key(finetuner, **named),
        "trained": finetuner != "zs",
        "identity": "i" * 32,
        "classifier": "f" * 32,
        "count": sum(counts),
        "skipped": (),
        "skipped_in_training": (),
        "evidence": (evidence,),
    }
    return CellRecord(**(values | changes))


def record(*cells: CellRecord, **changes: Any) -> RunRecord:
    environment = EnvironmentRecord(
        python="3.11.0",
        platform="Linux",
        processor="some",
        cores=2,
        threads=2,
        device="cpu",
        distributions={},
        git=None,
    )
    names = dict.fromkeys(cell.key.dataset for cell in cells)
    datasets = tuple(
        DatasetRecord(
            name=name,
            classes=("a", "b"),
            train_identity=None,
            train_count=0,
            test_identity="t",
            test_count=10,
        )
        for name in names
    )
    values: dict[str, Any] = {
        "study": "demo",
        "status": "finished",
        "error": None,
        "started": "2026-01-01T00:00:00+00:00",
        "seconds": 12.3,
        "spec_name": "spec.toml",
        "spec_given": "# as it was given",
        "spec_resolved": {},
        "seeds": (0,),
        "limit": None,
        "environment": environment,
        "datasets": datasets,
        "stages": (),
        "cells": cells,
    }
    made = RunRecord(**(values | changes))
    made._path = Path("runs/demo-20260101-000000")
    return made


def draw(shown: RunRecord, width: int) -> list[str]:
    console = Console(file=io.StringIO(), width=width)
    console.print(render(shown, console.width))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().splitlines()


BOTH = (cell("zs", (222, 159, 107, 112)), cell("ft", (1691, 3660, 37, 28)))


@pytest.mark.parametrize("width", [80, 100, 120, 140])
def test_every_line_fits(width: int) -> None:
    lines = draw(record(*BOTH), width)
    assert max(map(len, lines)) <= width


def test_a_row_at_80_columns() -> None:
    (row,) = [line for line in draw(record(*BOTH), 80) if line.startswith("clip  ft ")]
    assert row.split() == [
        *("clip", "ft", "98.8", "+12.3↑", "31.6", "−12.3", "97.9", "±0.0"),
        *("1,691", "3,660", "37", "28"),
    ]


def test_columns_are_aligned() -> None:
    lines = draw(record(*BOTH), 80)
    rows = [line for line in lines if line.startswith("clip")]
    (head,) = [line for line in lines if line.startswith("model")]
    for column in ("accuracy %", "PT %", "IR %", "RR", "RW", "WR", "WW"):
        end = head.index(column) + len(column)
        assert all(row[end - 1] != " " and row[end : end + 1] in ("", " ") for row in rows)


def test_changes_have_their_intervals_where_these_fit() -> None:
    (row,) = [line for line in draw(record(*BOTH), 120) if line.startswith("clip  ft ")]
    assert "98.8 +12.3 (7.3 to 27.3)" in row
    assert "31.6 −12.3 (−17.3 to +2.7)" in row
    assert row.split()[-4:] == ["1,691", "3,660", "37", "28"]
    (told,) = re.findall(
        r"a terminal of (\d+) columns or more has them in the tables", flat(draw(record(*BOTH), 80))
    )
    assert "columns or more" in flat(draw(record(*BOTH), int(told) - 1))
    assert "columns or more" not in flat(draw(record(*BOTH), int(told)))


def test_values_have_their_intervals_where_there_is_room() -> None:
    low, high = wilson_interval(222, 381)
    assert low is not None
    assert high is not None
    for width in (80, 120, 160):
        (row,) = [line for line in draw(record(*BOTH), width) if line.startswith("clip  zs ")]
        assert (f"{100 * low:.1f} to {100 * high:.1f}" in row) == (width == 160)


@pytest.mark.parametrize("width", [80, 100, 120, 140, 160])
def test_a_sentence_for_each_method_says_what_its_interval_bears(width: int) -> None:
    text = flat(draw(record(*BOTH), width))
    assert (
        "ft: accuracy +12.3 (7.3 to 27.3); PT no difference shown (−17.3 to +2.7); "
        "IR no difference shown (−5.0 to +15.0)"
    ) in text
    assert "intervals speak of images like these, by the one training that was done" in text


def test_many_methods_have_no_sentence_each() -> None:
    methods = [cell(f"m{number}", (60, 20, 10, 10)) for number in range(15)]
    text = flat(draw(record(BOTH[0], *methods), 80))
    assert "m11: accuracy +12.3 (7.3 to 27.3)" in text
    assert "m12: accuracy" not in text
    assert "and 3 more rows, as in the table" in text


def test_undefined_is_a_dash_with_its_reason_below() -> None:
    text = "\n".join(draw(record(cell("zs", (0, 0, 3, 7)), cell("ft", (0, 2, 0, 8))), 140))
    assert "clip · zs: PT is undefined: no prediction is correct (0 of 0)" in text
    assert "clip · ft: IR is undefined: no prediction rests on valid evidence (0 of 0)" in text
    assert re.search(r"clip +zs +0\.0 .* – ", text)
    assert "nan" not in text.lower().replace("finetuner", "")


def test_what_was_skipped_or_could_not_be_judged_is_said() -> None:
    shown = cell(
        "zs",
        (1, 2, 3, 4),
        undefined={"empty mask": 2, "no mask": 1},
        skipped=(SkippedRecord(id="a.jpg", reason="truncated"),),
        skipped_in_training=(SkippedRecord(id="b.jpg", reason="gone"),),
    )
    text = "\n".join(draw(record(shown), 140))
    assert "zs: 2 images have no score and count as not valid (empty mask: 2)" in text
    assert "although nothing is known" not in text
    assert "biased: 1 test sample skipped\n  · 1 × truncated: such as a.jpg" in text
    assert "biased: 1 training sample skipped\n  · 1 × gone: such as b.jpg" in text


def test_a_table_per_dataset_attribution_and_validator_in_the_order_of_the_spec() -> None:
    cells = (
        cell("zs", (1, 2, 3, 4), dataset="second"),
        cell("zs", (1, 2, 3, 4), dataset="first"),
        cell("zs", (1, 2, 3, 4), dataset="second", attribution="other"),
    )
    lines = draw(record(*cells), 80)
    titles = [line for line in lines if "test images" in line]
    assert titles == [
        "second  10 test images · generic-attention · relevance-mass",
        "second  10 test images · other · relevance-mass",
        "first  10 test images · generic-attention · relevance-mass",
    ]


def test_shifts_get_a_column_only_where_there_are_any() -> None:
    shifted = record(cell("zs", (1, 2, 3, 4)), cell("zs", (1, 2, 3, 4), shift="fog"))
    assert any(line.split()[:3] == ["clip", "zs", "fog"] for line in draw(shifted, 80))
    assert not any("shift" in line for line in draw(record(*BOTH), 80))


@pytest.mark.parametrize(
    ("status", "error", "expected"),
    [
        ("interrupted", None, "go on    rateval run spec.toml"),
        ("failed", "RatevalError: no training split", "RatevalError: no training split"),
    ],
)
def test_a_run_that_did_not_finish_says_so(status: str, error: str | None, expected: str) -> None:
    text = "\n".join(draw(record(*BOTH, status=status, error=error), 80))
    assert f"demo  {status} in 12 s on cpu, seed 0" in text
    assert expected in text


def test_without_a_zero_shot_row_no_change_is_promised() -> None:
    text = " ".join("\n".join(draw(record(cell("ft", (1, 2, 3, 4))), 140)).split())
    assert "no zero-shot row to compare with" in text


def test_long_labels_are_folded_not_cut() -> None:
    name = "a-model-with-a-name-that-nobody-should-give"
    lines = draw(record(cell("zs", (1, 2, 3, 4), model=name)), 80)
    assert max(map(len, lines)) <= 80
    start = next(at for at, line in enumerate(lines) if line.startswith("a-model"))
    pieces = [line.split(" ")[0] for line in lines[start:]]
    assert "".join(pieces[: pieces.index("")]) == name


EXPLAINERS = tuple(f"an-explainer-with-a-long-name-{number}" for number in range(12))


def probed(**changes: Any) -> FaithfulnessRecord:
    values: dict[str, Any] = {
        "identity": "p" * 32,
        "count": 64,
        "undefined": {},
        "deletion": 0.251,
        "insertion": 0.62,
        "chance": 0.4,
        "deletion_gain": estimate(0.149, 0.1, 0.198),
        "insertion_gain": estimate(0.12, -0.01, 0.25),
        "randomisation": RandomisationRecord(correlation=-0.001, count=64),
    }
    return FaithfulnessRecord(**(values | changes))


def agreement(first: str, second: str, **changes: Any) -> AgreementRecord:
    values: dict[str, Any] = {
        "first": key("zs", attribution=first),
        "second": key("zs", attribution=second),
        "correlation": 0.25,
        "count": 10,
        "verdicts": (
            VerdictAgreementRecord(
                validator="relevance-mass", value=0.7, numerator=7, denominator=10
            ),
        ),
    }
    return AgreementRecord(**(values | changes))


def change(**changes: Any) -> RankingChangeRecord:
    values: dict[str, Any] = {
        "first": key("zs").classifier,
        "second": key("ft").classifier,
        "shift": None,
        "validator": "relevance-mass",
        "metric": "pt",
        "heading": "PT",
        "first_above": ("all",),
        "second_above": ("last", "rollout"),
        "clear": True,
    }
    return RankingChangeRecord(**(values | changes))


def section(lines: list[str], title: str) -> list[str]:
    """Return the rows of one table, without title, heading and rule."""
    start = next(at for at, line in enumerate(lines) if line.startswith(title)) + 3
    return lines[start : lines.index("", start)]


def flat(lines: list[str]) -> str:
    return " ".join(" ".join(lines).split())


@pytest.mark.parametrize("width", [80, 140])
def test_explainers_of_long_names_fit_and_none_is_cut(width: int) -> None:
    shown = record(
        *(
            cell(
                "zs", (1, 2, 3, 4), attribution=name, faithfulness=probed(), shift=shift, model="m"
            )
            for name in EXPLAINERS
            for shift in (None, "gaussian-noise-5")
        ),
        agreements=tuple(agreement(*pair) for pair in combinations(EXPLAINERS, 2)),
        ranking_changes=(change(first_above=EXPLAINERS),) * 20,
    )
    lines = draw(shown, width)
    assert max(map(len, lines)) <= width
    for title in ("biased  faithfulness", "biased  agreement"):
        text = "\n".join(section(lines, title))
        assert "…" not in text
        assert len(re.findall(r"0?\.25", text)) >= len(EXPLAINERS)
    assert len([line for line in lines if line.startswith("biased  agreement")]) == 2
    assert flat(lines).count("ranking by PT changes") == 8
    assert "and 12 more changes of ranking, under ranking_changes in run.json" in flat(lines)


def test_areas_stand_beside_those_of_chance() -> None:
    zero_shot = cell("zs", (1, 2, 3, 4), faithfulness=probed())
    tuned = cell(
        "ft",
        (1, 2, 3, 4),
        faithfulness=probed(
            randomisation=None,
            deletion=None,
            deletion_gain=None,
            insertion=None,
            insertion_gain=None,
        ),
    )
    lines = draw(record(zero_shot, tuned), 80)
    rows = [line.split() for line in section(lines, "biased  faithfulness · 64 test images")]
    start = ["clip", "zs", "generic-attention"]
    assert rows[0] == [*start, "0.25*", "0.62", "0.40", "0.00"]
    assert rows[1][3:] == ["–", "–", "0.40", "–"]
    assert "permuted" in "\n".join(lines)


def test_without_randomisation_there_is_no_column_for_it() -> None:
    lines = draw(record(cell("zs", (1, 2, 3, 4), faithfulness=probed(randomisation=None))), 140)
    (head,) = [line for line in lines if " del " in line and line.startswith("model")]
    assert head.split()[-3:] == ["del", "ins", "chance"]
    assert "permuted" not in "\n".join(lines)


def test_what_could_not_be_probed_and_what_ignores_the_weights_is_said() -> None:
    found = probed(
        undefined={"constant relevance": 3},
        randomisation=RandomisationRecord(correlation=0.95, count=60),
    )
    text = flat(draw(record(cell("zs", (1, 2, 3, 4), faithfulness=found)), 80))
    name = "clip · zs · generic-attention"
    assert (
        f"{name}: of 64 images, 3 have no curves (constant relevance: 3), "
        "4 have a constant map with or without permuted weights"
    ) in text
    assert "generic-attention (clip · zs): the maps hardly change when the weights" in text
    healthy = flat(draw(record(cell("zs", (1, 2, 3, 4), faithfulness=probed())), 80))
    assert "hardly change" not in healthy


def test_correlations_stand_above_the_diagonal_and_equal_verdicts_below() -> None:
    none = VerdictAgreementRecord(
        validator="relevance-mass", value=None, numerator=0, denominator=0
    )
    shown = record(
        *(cell("zs", (1, 2, 3, 4), attribution=name) for name in "abc"),
        agreements=(
            agreement("a", "b", correlation=-0.304),
            agreement("a", "c", correlation=None, verdicts=(none,)),
            agreement("b", "c", correlation=1.0),
        ),
    )
    lines = draw(shown, 80)
    rows = section(lines, "biased  agreement of explainers · relevance-mass")
    assert [row.split() for row in rows] == [
        ["clip", "zs", "1", "a", "−.30", "–"],
        ["2", "b", "70%", "1.00"],
        ["3", "c", "–", "70%"],
    ]
    assert "above the diagonal" in flat(lines)


def test_two_explainers_need_one_row_for_each_method() -> None:
    shown = record(
        *(cell("zs", (1, 2, 3, 4), attribution=name) for name in "ab"),
        agreements=(agreement("a", "b", correlation=-0.304),),
    )
    lines = draw(shown, 80)
    rows = section(lines, "biased  agreement of a and b · relevance-mass")
    assert [row.split() for row in rows] == [["clip", "zs", "70.0", "–", "−0.30"]]
    assert "diagonal" not in flat(lines)


def test_changes_of_ranking_are_said_the_clear_ones_first() -> None:
    unsure = change(clear=False, metric="ir", heading="IR", shift="fog")
    lines = draw(record(*BOTH, ranking_changes=(unsure, change())), 140)
    start = lines.index(
        "biased · clip: ranking by PT changes: zs > ft by all; ft > zs by last, rollout"
    )
    assert lines[start + 1] == (
        "biased · clip, fog: ranking by IR changes: zs > ft by all; ft > zs by last, rollout "
        "(not shown: an interval holds 0)"
    )


def test_the_validator_is_named_where_there_are_several() -> None:
    changes = (change(), change(validator="pointing-game"))
    text = flat(draw(record(*BOTH, ranking_changes=changes), 140))
    assert "ranking by PT (relevance-mass) changes" in text
    assert "ranking by PT (pointing-game) changes" in text


def test_a_study_of_one_explainer_says_nothing_of_explainers() -> None:
    text = "\n".join(draw(record(*BOTH), 140))
    for word in ("faithfulness", "agreement", "ranking", "chance"):
        assert word not in text


TABLES = {
    "evidence": [{"name": "relevance-mass"}],
    "metric": [{"name": name} for name in ("accuracy", "pt", "ir")],
}
BROKEN = "RatevalError: weights/[blip].pth: no such file; put it there"


def failing() -> RunRecord:
    """A study with a model that doesn't load, a metric that raised, and cells not reached."""
    planned = [
        key(method, model=model, dataset=dataset)
        for model in ("clip", "blip")
        for method in ("zs", "[bold]ft")
        for dataset in ("biased", "third")
    ]
    scored = cell("zs", (222, 159, 107, 112))
    (evidence,) = scored.evidence
    accuracy, _, ir = evidence.scores
    half = scored.model_copy(
        update={"evidence": (evidence.model_copy(update={"scores": (accuracy, ir)}),)}
    )
    return record(
        half,
        planned=tuple(planned),
        status="failed",
        spec_name="my specs/spec.toml",
        spec_resolved=TABLES,
        failures=(
            FailureRecord(
                stage="load",
                label="blip",
                error=BROKEN,
                cells=tuple(key for key in planned if key.model == "blip"),
            ),
            FailureRecord(
                stage="score", label="any", error="ZeroDivisionError: by 0", cells=(scored.key,)
            ),
            FailureRecord(
                stage="agree", label="of maps", error="OSError: disk full", cells=(scored.key,)
            ),
        ),
    )


@pytest.mark.parametrize("width", [80, 100, 140])
def test_failures_stand_in_their_place(width: int) -> None:
    lines = draw(failing(), width)
    assert max(map(len, lines)) <= width
    assert lines[0] == "demo  failed: 3 failures in 12 s on cpu, seed 0"
    first = lines.index("biased  600 test images · generic-attention · relevance-mass")
    second = lines.index("third  no results · generic-attention · relevance-mass")
    rows = [line for line in lines[first:second] if line.startswith(("clip", "blip"))]
    found = [re.sub(r" +\d+\.\d to \d+\.\d", "", row).split() for row in rows]
    counts = ["222", "159", "107", "112"]
    assert found == [
        ["clip", "zs", "63.5", "failed", "67.5", *counts],
        ["clip", "[bold]ft", *["not", "done"] * 3],
        ["blip", "zs", *["failed"] * 3],
        ["blip", "[bold]ft", *["failed"] * 3],
    ]
    head = next(line for line in lines[first:] if line.startswith("model"))
    # No cell has this metric, so that nobody told its heading: its column stands by its label.
    assert rows[0].index("failed") + len("failed") == head.index("pt %") + len("pt %")
    rows = [line for line in lines[second:] if line.startswith(("clip", "blip"))]
    assert [row.split()[2:] for row in rows] == [["not", "done"] * 3] * 2 + [["failed"] * 3] * 2


@pytest.mark.parametrize("width", [80, 140])
def test_causes_are_named_once_per_table_with_the_command_that_tries_again(width: int) -> None:
    text = flat(draw(failing(), width))
    again = "try again: rateval run 'my specs/spec.toml'"
    # Brackets are brackets, and several cells are tried again by the study's own command.
    assert text.count(f"blip · zs; blip · [bold]ft: {BROKEN} {again}") == 2
    one = f"{again} --only 'clip · zs on biased'"
    assert text.count(f"clip · zs: ZeroDivisionError: by 0 {one}") == 1
    # Nothing lacks in a table of scores because of this one.
    assert text.count(f"agree of maps: OSError: disk full {one}") == 1
    assert "go on rateval run 'my specs/spec.toml'" in text


def test_the_label_of_a_command_names_the_attribution_where_there_are_several() -> None:
    planned = tuple(key("zs", attribution=name) for name in ("it's a", "b"))
    failure = FailureRecord(stage="infer", label="x", error="E: e", cells=planned[:1])
    shown = record(planned=planned, failures=(failure,), spec_resolved=TABLES)
    command = """--only 'clip · zs on biased · it'"'"'s a'"""
    assert f"clip · zs: E: e try again: rateval run spec.toml {command}" in flat(draw(shown, 140))


def test_faithfulness_that_failed_is_told_below_its_table_alone() -> None:
    there, lost = cell("zs", (1, 2, 3, 4), faithfulness=probed()), cell("ft", (1, 2, 3, 4))
    failure = FailureRecord(stage="faithfulness", label="x", error="E: e", cells=(lost.key,))
    shown = record(there, lost, failures=(failure,), spec_resolved=TABLES | {"faithfulness": {}})
    lines = draw(shown, 80)
    start = ["clip", "ft", "generic-attention"]
    (row,) = [line.split() for line in lines if line.split()[:3] == start]
    assert row[3:] == ["failed", "failed"]
    assert flat(lines).count("E: e") == 1
    assert flat(lines).index("E: e") > flat(lines).index("faithfulness · 64")


def test_a_failed_metric_that_no_cell_has_is_a_column_by_its_label() -> None:
    tables = TABLES | {"metric": [*TABLES["metric"], {"name": "mine"}]}
    failure = FailureRecord(stage="score", label="x", error="E: e", cells=(key("zs"),))
    lines = draw(record(cell("zs", (1, 2, 3, 4)), failures=(failure,), spec_resolved=tables), 140)
    (head,) = [line for line in lines if line.startswith("model")]
    (row,) = [line for line in lines if line.startswith("clip")]
    assert row.index("failed") + len("failed") == head.index("mine %") + len("mine %")


@pytest.mark.parametrize(
    ("changes", "head"),
    [
        ({"status": "finished"}, "finished in"),
        ({"status": "running"}, "running, or it died in"),
        (
            {"status": "running", "written": "2026-01-01T00:03:00+00:00"},
            "running, or it died: last written 2026-01-01T00:03:00+00:00 in",
        ),
    ],
)
def test_a_run_that_may_have_died_says_when_it_last_wrote(
    changes: dict[str, Any], head: str
) -> None:
    assert draw(record(*BOTH, **changes), 140)[0].startswith(f"demo  {head} 12 s")
    failure = FailureRecord(stage="score", label="x", error="E: e", cells=())
    line = draw(record(*BOTH, failures=(failure,), **changes), 140)[0]
    start = head.removesuffix(" in")
    assert line.startswith(
        "demo  failed: 1 failure in" if start == "finished" else f"demo  {start}, 1 failure in"
    )


def test_nothing_that_is_not_ours_is_markup() -> None:
    odd = "[red]x[/red] :smile:"
    pair = [key(odd, model=odd, dataset=odd, attribution=name) for name in (odd, "b")]
    shown = record(
        *(
            cell(odd, (1, 2, 3, 4), model=odd, attribution=name, dataset=odd, shift=odd)
            for name in (odd, "b")
        ),
        agreements=(agreement(odd, "b").model_copy(update={"first": pair[0], "second": pair[1]}),),
        error=odd,
        status="failed",
        spec_name=odd,
        study=odd,
    )
    text = flat(draw(shown, 200))
    assert "☺" not in text
    assert "😄" not in text
    assert text.count("[red]x[/red]") == text.count("x[/red]") >= 14


@pytest.mark.parametrize(("names", "wanted"), [(["shapes"], True), (["shapes", "folder"], False)])
def test_only_drawn_scenes_lead_to_ones_own_photos(names: list[str], wanted: bool) -> None:
    spec = {"dataset": [{"name": "a", "component": name} for name in names]}
    text = flat(draw(record(*BOTH, spec_resolved=spec), 100))
    assert ("rateval init --data photos" in text) is wanted
    assert "rateval report " in text
