"""The report of a study with several seeds."""

from __future__ import annotations

import io
import re
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
from rateval.scoring.seeds import summarise_seeds
from rateval.stats.wilson import wilson_interval

Counts = tuple[int, int, int, int]


def score(heading: str, numerator: int, denominator: int, change: float | None) -> ScoreRecord:
    low, high = wilson_interval(numerator, denominator)
    value = numerator / denominator if denominator else None
    estimate = Estimate(
        value=value,
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
        value=estimate,
        change=None if value is None or change is None else mean(change),
    )


def mean(value: float, low: float | None = None, high: float | None = None) -> Estimate:
    return Estimate(value=value, low=low, high=high, over="images", count=10)


def key(finetuner: str, seed: int | None = None, **changes: Any) -> Key:
    values: dict[str, Any] = {
        "dataset": "biased",
        "model": "clip",
        "finetuner": finetuner,
        "shift": None,
        "attribution": "maps",
        "seed": seed,
    }
    return Key(**(values | changes))


def cell(finetuner: str, seed: int | None, counts: Counts, **changes: Any) -> CellRecord:
    right_right, right_wrong, wrong_right, _ = counts
    change = changes.pop("change", None)
    names = ("dataset", "model", "shift", "attribution")
    named = {name: changes.pop(name) for name in names if name in changes}
    evidence = StoredEvidenceRecord(
        validator="relevance-mass",
        identity="e",
        quadrants=dict(zip(("RR", "RW", "WR", "WW"), counts, strict=True)),
        undefined=changes.pop("undefined", {}),
        scores=(
            score("accuracy", right_right + right_wrong, sum(counts), change),
            score("PT", right_right, right_right + right_wrong, change),
            score("IR", right_right, right_right + wrong_right, change),
        ),
    )
    values: dict[str, Any] = {
        "key": key(finetuner, seed, **named),
        "trained": finetuner != "zs",
        "classifier": "f",
        "identity": "i",
        "count": sum(counts),
        "skipped": (),
        "skipped_in_training": (),
        "evidence": (evidence,),
    }
    return CellRecord(**(values | changes))


def record(*cells: CellRecord, seeds: tuple[int, ...] = (0, 1, 2), **changes: Any) -> RunRecord:
    datasets = [
        DatasetRecord(
            name=name,
            seed=seed,
            classes=("a", "b"),
            train_identity=None,
            train_count=0,
            test_identity="t",
            test_count=10,
        )
        for name in dict.fromkeys(cell.key.dataset for cell in cells)
        for seed in seeds
    ]
    values: dict[str, Any] = {
        "study": "demo",
        "status": "finished",
        "error": None,
        "started": "2026-01-01T00:00:00+00:00",
        "seconds": 12.3,
        "spec_name": "spec.toml",
        "spec_given": "# as it was given",
        "spec_resolved": {},
        "seeds": seeds,
        "limit": None,
        "environment": EnvironmentRecord(
            python="3.11.0",
            platform="Linux",
            processor="some",
            cores=2,
            threads=2,
            device="cpu",
            distributions={},
            git=None,
        ),
        "datasets": tuple(datasets),
        "stages": (),
        "cells": cells,
        "over_seeds": tuple(summarise_seeds(cells)),
    }
    made = RunRecord(**(values | changes))
    made._path = Path("runs/demo-20260101-000000")
    return made


def draw(shown: RunRecord, width: int) -> list[str]:
    console = Console(file=io.StringIO(), width=width)
    console.print(render(shown, console.width))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().splitlines()


def flat(lines: list[str]) -> str:
    return " ".join(" ".join(lines).split())


FIXED = cell("zs", None, (40, 20, 20, 20))
TUNED = (
    cell("evidence-ft", 0, (60, 20, 10, 10), change=0.2),
    cell("evidence-ft", 1, (50, 20, 15, 15), change=0.1),
    cell("evidence-ft", 2, (70, 20, 5, 5), change=0.3),
)


@pytest.mark.parametrize("width", [80, 100, 130, 140])
def test_every_line_fits_and_no_label_is_cut(width: int) -> None:
    lines = draw(record(FIXED, *TUNED), width)
    assert max(map(len, lines)) <= width
    assert any("evidence-ft" in line for line in lines)


def test_a_row_for_all_seeds_at_80_columns() -> None:
    lines = draw(record(FIXED, *TUNED), 80)
    assert "demo  finished in 12 s on cpu, seeds 0, 1, 2" in lines[0]
    assert "biased  mean of 3 seeds · 100 test images · maps · relevance-mass" in lines
    (head,) = [line for line in lines if line.startswith("model")]
    columns = " ".join(f"{heading} ± sd Δ zs" for heading in ("accuracy", "PT", "IR"))
    assert " ".join(head.split()) == f"model method {columns}"
    (fixed,) = [line for line in lines if line.startswith("clip") and " zs " in line]
    assert fixed.split() == ["clip", "zs", "60.0", "66.7", "66.7"]
    (tuned,) = [line for line in lines if line.startswith("clip") and " evidence-ft " in line]
    # Accuracies 0.8, 0.7 and 0.9; changes 0.2 ± 0.1, whose t interval is 0.2 ± 0.248.
    assert tuned.split()[2:5] == ["80.0", "±10.0", "+20.0"]


def test_intervals_and_mean_counts_where_there_is_room() -> None:
    lines = draw(record(FIXED, *TUNED), 190)
    (tuned,) = [line for line in lines if line.startswith("clip") and " evidence-ft " in line]
    assert "80.0  55.2 to 100.0  +20.0 (−4.8 to +44.8)" in tuned
    assert tuned.split()[-4:] == ["60", "20", "10", "10"]
    (fixed,) = [line for line in lines if line.startswith("clip") and " zs " in line]
    # What no seed changes is left open by its images: Wilson's of 60 of 100.
    low, high = wilson_interval(60, 100)
    assert low is not None
    assert high is not None
    assert f"60.0   {100 * low:.1f} to {100 * high:.1f}" in fixed
    assert fixed.split()[-4:] == ["40", "20", "20", "20"]


def test_changes_whose_interval_leaves_out_0_have_an_arrow() -> None:
    alike = [cell("ft", seed, (60, 20, 10, 10), change=0.2) for seed in range(3)]
    (row,) = [line for line in draw(record(FIXED, *alike), 80) if " ft " in line and "80.0" in line]
    assert row.split()[2:5] == ["80.0", "±0.0", "+20.0↑"]


@pytest.mark.parametrize("width", [80, 190])
def test_the_legend_says_what_intervals_speak_of(width: int) -> None:
    text = flat(draw(record(FIXED, *TUNED), width))
    assert "other seeds alone, on the images that each of them has" in text
    assert ("images like these, by the one training" in text) == (width == 190)  # zero-shot's own
    assert "mean over the seeds where the number is defined" in text
    assert "against zero-shot on the same test by the same seed" in text
    assert ("columns or more" in text) == (width == 80)
    assert ("sample standard deviation" in text) == (width == 80)
    assert ("images, mean over the seeds: Right or Wrong" in text) == (width == 190)


def test_the_legend_tells_seeds_with_images_from_seeds_alone() -> None:
    made = record(FIXED, *TUNED)
    over_seeds = [
        result.model_copy(
            update={
                "evidence": tuple(
                    found.model_copy(update={"scores": tuple(map(_over_both, found.scores))})
                    for found in result.evidence
                )
            }
        )
        for result in made.over_seeds
    ]
    text = flat(draw(record(FIXED, *TUNED, over_seeds=tuple(over_seeds)), 80))
    assert "intervals speak of other seeds, and images like these" in text
    assert "seeds alone" not in text


def _over_both(score: ScoreRecord) -> ScoreRecord:
    if score.change is None:
        return score
    both = score.change.model_copy(update={"over": "seeds and images"})
    return score.model_copy(update={"change": both})


def test_two_seeds_are_said_to_be_few() -> None:
    warning = "2 seeds: an interval over so few is very wide"
    assert warning in flat(draw(record(FIXED, *TUNED[:2], seeds=(0, 1)), 80))
    assert "so few" not in flat(draw(record(FIXED, *TUNED), 80))


def test_one_seed_has_the_report_as_ever() -> None:
    lines = draw(record(FIXED, TUNED[0], seeds=(0,), over_seeds=()), 140)
    text = flat(lines)
    assert "on cpu, seed 0" in lines[0]
    assert "biased  100 test images · maps · relevance-mass" in lines
    assert "over the seeds" not in text
    assert "mean of" not in text


def test_seeds_that_were_not_reached_are_named() -> None:
    text = flat(draw(record(FIXED, *TUNED[:1], status="interrupted"), 140))
    assert (
        "clip · evidence-ft on biased · maps: mean of 1 of the 3 seeds, the others were not reached"
    ) in text


def test_what_is_undefined_is_named_with_its_seeds() -> None:
    missing = SkippedRecord(id="a.jpg", reason="gone")
    shown = record(
        cell("zs", None, (1, 2, 3, 4), skipped=(missing,)),
        cell("ft", 0, (0, 2, 0, 8)),
        cell("ft", 1, (1, 2, 3, 4), undefined={"empty mask": 4}),
        cell("ft", 2, (0, 2, 0, 8)),
    )
    text = flat(draw(shown, 140))
    assert "biased: 1 test sample skipped, 0 to 1 in each row · 1 × gone: such as a.jpg" in text
    assert "clip · ft: 4 images over all seeds have no score and count as not valid" in text
    assert "clip · ft, seeds 0, 2: IR is undefined: no prediction rests on valid" in text
    (row,) = [line for line in draw(shown, 190) if line.startswith("clip") and " ft " in line]
    # One seed has an IR, which its images alone leave open.
    low, high = wilson_interval(1, 4)
    assert low is not None
    assert high is not None
    assert f" 25.0  {100 * low:.1f} to {100 * high:.1f} " in row


def test_a_number_that_no_seed_has_is_a_dash() -> None:
    lines = draw(record(*(cell("ft", seed, (0, 2, 0, 8)) for seed in range(3))), 140)
    (row,) = [line for line in lines if line.startswith("clip")]
    assert "–" in row
    assert "no zero-shot row to compare with" in flat(lines)


@pytest.mark.parametrize("seeds", [(0,), (0, 1)])
def test_explainers_stand_in_the_order_of_the_spec(seeds: tuple[int, ...]) -> None:
    cells = [
        cell("zs", seed, (1, 2, 3, 4), attribution=name, dataset=dataset)
        for seed in seeds
        for dataset in ("unbiased", "biased")
        for name in ("zeta", "alpha", "mid")
    ]
    several = {} if len(seeds) > 1 else {"over_seeds": ()}
    lines = draw(record(*cells, seeds=seeds, **several), 140)
    titles = [line.split(" · ") for line in lines if " test images · " in line]
    assert [(parts[0].split()[0], parts[-2]) for parts in titles] == [
        (dataset, name) for dataset in ("unbiased", "biased") for name in ("zeta", "alpha", "mid")
    ]


def test_a_shift_has_its_column() -> None:
    cells = [
        cell("ft", seed, (1, 2, 3, 4), shift=shift) for seed in range(3) for shift in (None, "fog")
    ]
    rows = [line for line in draw(record(*cells), 140) if line.startswith("clip")]
    assert [row.split()[2] for row in rows] == ["–", "fog"]


def probed(deletion: float, correlation: float, undefined: dict[str, int]) -> FaithfulnessRecord:
    return FaithfulnessRecord(
        identity="p",
        count=64,
        undefined=undefined,
        deletion=deletion,
        insertion=0.62,
        chance=0.4,
        deletion_gain=mean(0.4 - deletion, -1.0, 1.0),
        insertion_gain=mean(0.22, -1.0, 1.0),
        randomisation=RandomisationRecord(correlation=correlation, count=64),
    )


def test_faithfulness_is_averaged_and_its_notes_name_the_seeds() -> None:
    probes = [
        probed(0.2, 0.95, {"constant relevance": 3}),
        probed(0.3, 0.95, {}),
        probed(0.4, 0, {}),
    ]
    cells = [
        cell("ft", seed, (1, 2, 3, 4), faithfulness=found) for seed, found in enumerate(probes)
    ]
    lines = draw(record(*cells), 140)
    assert "biased  faithfulness · 64 test images · mean of 3 seeds" in lines
    (row,) = [line for line in lines if line.startswith("clip") and "maps" in line]
    # Insertion's gains are equal; the interval of deletion's, 0.1 ± 0.248, holds 0.
    assert row.split() == ["clip", "ft", "maps", "0.30", "0.62*", "0.40", "0.63"]
    text = flat(lines)
    assert (
        "clip · ft · maps, seed 0: of 64 images, 3 have no curves (constant relevance: 3)" in text
    )
    assert "maps (clip · ft, seeds 0, 1): the maps hardly change" in text
    assert "by the 95 % interval of the mean difference over the seeds" in text


def test_agreement_and_ranking_speak_of_all_seeds() -> None:
    shares = VerdictAgreementRecord(
        validator="relevance-mass", value=0.7, numerator=21, denominator=30
    )
    agreement = AgreementRecord(
        first=key("ft"),
        second=key("ft", attribution="other"),
        correlation=0.25,
        count=30,
        verdicts=(shares,),
    )
    change = RankingChangeRecord(
        first=key("zs").classifier,
        second=key("ft").classifier,
        shift=None,
        validator="relevance-mass",
        metric="pt",
        heading="PT",
        first_above=("maps",),
        second_above=("other",),
        clear=True,
    )
    lines = draw(record(FIXED, *TUNED, agreements=(agreement,), ranking_changes=(change,)), 140)
    assert len([line for line in lines if line.startswith("biased  agreement")]) == 1
    assert "(images of all seeds)" in flat(lines)
    assert "biased · clip: ranking by mean PT changes: zs > ft by maps; ft > zs by other" in lines


def test_many_seeds_are_counted_not_listed() -> None:
    seeds = tuple(range(20))
    cells = [cell("ft", seed, (0, 2, 0, 8)) for seed in seeds]
    lines = draw(record(*cells, seeds=seeds), 80)
    assert max(map(len, lines)) <= 80
    assert lines[0].endswith("seeds 0, 1, 2, 3, 4, 5, 6, 7, 8, 9 and 10 more")


@pytest.mark.parametrize("width", [80, 140])
def test_failures_over_seeds_stand_in_their_place(width: int) -> None:
    tables = {
        "evidence": [{"name": "relevance-mass"}],
        "metric": [{"name": name} for name in ("accuracy", "pt", "ir")],
        "faithfulness": {},
    }
    first, second, third = TUNED
    (evidence,) = second.evidence
    half = evidence.model_copy(update={"scores": evidence.scores[:2]})
    second = second.model_copy(update={"evidence": (half,)})
    blip = [key("evidence-ft", seed, model="blip") for seed in range(3)]
    late = key("zs", model="late")
    failures = (
        FailureRecord(stage="load", label="b", error="RatevalError: no [file]", cells=tuple(blip)),
        FailureRecord(stage="score", label="s", error="ValueError: IR", cells=(second.key,)),
        FailureRecord(stage="finetune", label="t", error="RuntimeError: nan", cells=(third.key,)),
    )
    planned = (FIXED.key, *(cell.key for cell in TUNED), *blip, late)
    shown = record(
        FIXED,
        *(first, second),
        planned=planned,
        failures=failures,
        status="failed",
        spec_resolved=tables,
    )
    lines = draw(shown, width)
    assert max(map(len, lines)) <= width
    rows = [
        " ".join(line.split()) for line in lines if re.match(r"(clip|blip|late) +(zs|evid)", line)
    ]
    of_scores, of_faithfulness = rows[:4], rows[4:]
    assert of_scores[0].startswith("clip zs 60.0 ")
    assert of_scores[1].startswith("clip evidence-ft 75.0 ")
    assert of_scores[2:] == ["blip evidence-ft failed failed failed", "late zs" + 3 * " not done"]
    # IR is left with one seed of three: a mean without a deviation.
    assert " 85.7 +20.0" in of_scores[1]
    assert [row.split(" ", 3)[3] for row in of_faithfulness] == [
        "not done not done",
        "failed failed",
        "failed failed",
        "not done not done",
    ]
    text = flat(lines)
    again = "try again: rateval run spec.toml"
    assert f"blip · evidence-ft, seeds 0, 1, 2: RatevalError: no [file] {again}" in text
    for seed, error in ((1, "ValueError: IR"), (2, "RuntimeError: nan")):
        command = f"{again} --only 'clip · evidence-ft on biased, seed {seed}'"
        assert f"clip · evidence-ft, seed {seed}: {error} {command}" in text
    assert "on biased · maps: mean of 2 of the 3 seeds, the others failed" in text
    assert "biased faithfulness · no results" in text


def test_a_seed_without_a_validator_or_a_metric_has_no_value_there() -> None:
    first, second, third = TUNED
    (evidence,) = first.evidence
    lacks_pt = evidence.model_copy(update={"scores": (evidence.scores[0], evidence.scores[2])})
    cells = (
        first.model_copy(update={"evidence": (lacks_pt,)}),
        second.model_copy(update={"evidence": ()}),
        third,
    )
    (found,) = summarise_seeds(cells)
    (over,) = found.evidence
    assert found.seeds == (0, 1, 2)
    assert [score.metric for score in over.scores] == ["accuracy", "pt", "ir"]
    values = {score.metric: score.value.values for score in over.scores}
    assert values["pt"] == (None, None, 70 / 90)
    assert values["accuracy"] == (0.8, None, 0.9)
    assert over.quadrants == {"RR": 65, "RW": 20, "WR": 7.5, "WW": 7.5}
