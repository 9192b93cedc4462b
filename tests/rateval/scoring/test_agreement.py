"""How far explainers agree, checked against loops over the stored rows and maps."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import rateval
from rateval.records.run import RunRecord
from rateval.records.scores.cell import CellRecord
from rateval.stages.agree import Explained, agree

LAST = {"use": "generic-attention", "name": "last", "layers": "last"}
ALL = {"use": "generic-attention", "name": "all", "layers": "all"}
CENTRE = {"use": "any-map", "name": "centre"}
CONSTANT = {"use": "any-map", "name": "constant", "returns": "constant"}


def spec(**changes: Any) -> dict[str, Any]:
    return {
        "study": {"name": "tiny"},
        "dataset": [{"use": "squares"}],
        "model": [{"use": "tiny"}],
        "finetune": [{"use": "zs"}],
        "attribution": [LAST, ALL],
        "run": {"device": "cpu"},
    } | changes


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, acme: Path) -> None:
    monkeypatch.chdir(tmp_path)


def ranks(values: list[float]) -> list[float]:
    return [
        sum(other < value for other in values) + (sum(other == value for other in values) + 1) / 2
        for value in values
    ]


def correlation(record: RunRecord, first: CellRecord, second: CellRecord) -> float:
    """Average Spearman's correlation over the images, one image at a time."""
    maps = (
        record.relevance(cell).astype(float).reshape(12, -1).tolist() for cell in (first, second)
    )
    each = [np.corrcoef(ranks(one), ranks(other))[0, 1] for one, other in zip(*maps, strict=True)]
    return float(np.mean(each))


def test_agreement_equals_loops_over_rows_and_maps() -> None:
    judges = [
        {"use": "relevance-mass"},
        {"use": "relevance-mass", "name": "lenient", "threshold": 0.3},
    ]
    record = rateval.run(spec(evidence=judges, finetune=[{"use": "zs"}, {"use": "ft"}]))
    assert [
        (a.first.finetuner, a.first.attribution, a.second.attribution) for a in record.agreements
    ] == [
        ("zs", "last", "all"),
        ("ft", "last", "all"),
    ]
    for agreement in record.agreements:
        first, second = (
            next(
                c
                for c in record.cells
                if (c.key.finetuner, c.key.attribution) == (agreement.first.finetuner, name)
            )
            for name in ("last", "all")
        )
        assert agreement.count == 12
        assert agreement.correlation == pytest.approx(correlation(record, first, second))
        assert [verdict.validator for verdict in agreement.verdicts] == [
            "relevance-mass",
            "lenient",
        ]
        for verdict in agreement.verdicts:
            valid = [
                record.rows(cell, verdict.validator)["valid"].to_pylist()
                for cell in (first, second)
            ]
            same = sum(one == other for one, other in zip(*valid, strict=True))
            assert (verdict.numerator, verdict.denominator) == (same, 12)
            assert verdict.value == same / 12


def test_each_pair_on_the_same_classifier_and_test() -> None:
    asked = spec(
        attribution=[LAST, ALL, CENTRE],
        dataset=[{"use": "squares"}, {"use": "squares", "name": "more", "test": 13}],
        shift=[{"use": "darken"}],
    )
    record = rateval.run(asked)
    found = [
        (a.first.dataset, str(a.first.shift), a.first.attribution, a.second.attribution)
        for a in record.agreements
    ]
    pairs = [("last", "all"), ("last", "centre"), ("all", "centre")]
    tests = [(name, shift) for name in ("squares", "more") for shift in ("None", "darken")]
    assert found == [(*test, *pair) for test in tests for pair in pairs]
    assert {a.count for a in record.agreements} == {12, 13}


def test_an_explainer_agrees_with_itself() -> None:
    record = rateval.run(spec(attribution=[ALL, ALL | {"name": "again"}]))
    (agreement,) = record.agreements
    assert agreement.correlation == pytest.approx(1)
    assert agreement.verdicts[0].value == 1


def test_one_explainer_has_nobody_to_agree_with() -> None:
    assert rateval.run(spec(attribution=[ALL])).agreements == ()
    assert not Path("runs/store/agree").exists()


def test_images_without_order_or_score_do_not_count() -> None:
    record = rateval.run(spec(attribution=[ALL, CONSTANT]))
    (agreement,) = record.agreements
    assert (agreement.correlation, agreement.count) == (None, 0)
    (verdict,) = agreement.verdicts
    assert (verdict.value, verdict.numerator, verdict.denominator) == (None, 0, 0)
    data = [{"use": "squares", "skipped": 1, "without_mask": 4, "empty_mask": 6}]
    (agreement,) = rateval.run(spec(dataset=data)).agreements
    assert agreement.count == 11
    assert agreement.verdicts[0].denominator == 6


def test_agreement_is_stored_and_no_model_is_touched() -> None:
    rateval.run(spec(attribution=[LAST]))
    rateval.run(spec(attribution=[ALL]))
    record = rateval.run(spec())
    computed = {stage.stage for stage in record.stages if not stage.reused}
    assert computed == {"agree", "pictures"}  # which images are kept hangs on all cells
    (folder,) = Path("runs/store/agree").iterdir()
    written = (folder / "manifest.json").stat().st_mtime_ns
    assert rateval.run(spec()).agreements == record.agreements
    assert (folder / "manifest.json").stat().st_mtime_ns == written


def test_images_are_matched_by_their_ids() -> None:
    """Of equal data all ids are equal; here one explainer lacks the first image."""
    short = rateval.run(spec(attribution=[LAST], dataset=[{"use": "squares", "skipped": 1}]))
    whole = rateval.run(spec(attribution=[ALL]))
    both = rateval.run(spec())
    stored = [
        Explained(
            Path("runs/store/infer", record.cells[0].identity),
            [Path("runs/store/judge", record.cells[0].evidence[0].identity)],
        )
        for record in (short, whole)
    ]
    facts = agree(*stored)
    assert facts.count == facts.verdicts[0].denominator == 11
    maps = [both.relevance(cell)[1:].astype(float).reshape(11, -1) for cell in both.cells]
    expected = [
        np.corrcoef(ranks(one.tolist()), ranks(other.tolist()))[0, 1]
        for one, other in zip(*maps, strict=True)
    ]
    assert facts.correlation == pytest.approx(np.mean(expected))


def test_an_interrupted_study_compares_what_it_has(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*arguments: Any) -> Any:  # of the third one, as the others share a pass
        raise KeyboardInterrupt

    monkeypatch.setattr("rateval.engine.doing.evaluating.infer", interrupted)
    with pytest.raises(KeyboardInterrupt):
        rateval.run(spec(attribution=[LAST, ALL, CENTRE]))
    (folder,) = Path("runs").glob("tiny-*")
    half = rateval.load(folder)
    assert half.status == "interrupted"
    assert [(a.first.attribution, a.second.attribution) for a in half.agreements] == [
        ("last", "all")
    ]
