from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st
from numpy.typing import NDArray

from rateval.api import Context, Metric, Outcomes, Score
from rateval_rationality.metrics import (
    Accuracy,
    InferenceReliability,
    PredictionTrustworthiness,
    ValidRate,
    make_accuracy,
    make_inference_reliability,
    make_prediction_trustworthiness,
    make_valid_rate,
)
from rateval_rationality.params import CountParams

MASKS = ("box", "box2", "blob", "blobs2", "full", "empty")
METRICS: tuple[Metric, ...] = (Accuracy(), PredictionTrustworthiness(), InferenceReliability())


def outcomes(right: list[bool], sound: list[bool]) -> Outcomes:
    return Outcomes(np.array(right, dtype=bool), np.array(sound, dtype=bool))


@pytest.mark.parametrize("mask", MASKS)
@pytest.mark.parametrize("kind", ["zs_heat_last", "zs_heat_all", "lp_heat_all"])
def test_counts_pt_and_ir_equal_the_published_ones(
    golden: dict[str, NDArray[Any]], published_counts: dict[str, Any], kind: str, mask: str
) -> None:
    correct = golden[f"{kind[:2]}_pred"] == golden["labels"]
    valid = golden[f"rmabin_{kind}"][:, MASKS.index(mask)].astype(bool)
    counted = Outcomes(correct, valid)
    quadrants = [counted.quadrants()[name] / 16 for name in ("RR", "RW", "WR", "WW")]
    published = published_counts[mask]
    assert quadrants == published[f"{kind}_rr_rw_wr_ww"]
    assert Accuracy().compute(counted).value == quadrants[0] + quadrants[1]
    pt, ir = PredictionTrustworthiness().compute(counted), InferenceReliability().compute(counted)
    if mask == "empty":
        assert published["reference_error"].startswith("ZeroDivisionError")
        assert pt.value == 0.0
        assert ir == Score(None, 0, 0)
    else:
        assert pt.value == pytest.approx(published[kind]["PT"], abs=5e-6)
        assert ir.value == pytest.approx(published[kind]["IR"], abs=5e-6)


@given(st.lists(st.tuples(st.booleans(), st.booleans())))
def test_equal_to_counting_one_by_one(pairs: list[tuple[bool, bool]]) -> None:
    counted = outcomes([right for right, _ in pairs], [sound for _, sound in pairs])
    both = sum(1 for right, sound in pairs if right and sound)
    right = sum(1 for right, _ in pairs if right)
    sound = sum(1 for _, sound in pairs if sound)
    expected = ((right, len(pairs)), (both, right), (both, sound))
    for metric, (numerator, denominator) in zip(METRICS, expected, strict=True):
        score = metric.compute(counted)
        assert (score.numerator, score.denominator) == (numerator, denominator)
        assert score.value == (numerator / denominator if denominator else None)


@pytest.mark.parametrize(
    ("right", "sound", "undefined"),
    [
        ([], [], {"accuracy", "PT", "IR"}),
        ([False, False], [True, False], {"PT"}),
        ([True, False], [False, False], {"IR"}),
        ([False], [False], {"PT", "IR"}),
    ],
)
def test_empty_denominators_are_none(
    right: list[bool], sound: list[bool], undefined: set[str]
) -> None:
    counted = outcomes(right, sound)
    scores = {metric.label: metric.compute(counted) for metric in METRICS}
    assert {label for label, score in scores.items() if score.value is None} == undefined
    assert all(scores[label].denominator == 0 for label in undefined)


def test_the_factories_make_the_metrics_named() -> None:
    made = [
        make(CountParams(), Context())
        for make in (make_accuracy, make_prediction_trustworthiness, make_inference_reliability)
    ]
    assert [metric.label for metric in made] == ["accuracy", "PT", "IR"]


STATE = st.tuples(st.booleans(), st.booleans(), st.booleans())


@given(st.lists(STATE))
def test_unknown_evidence_counts_in_accuracy_alone(
    states: list[tuple[bool, bool, bool]],
) -> None:
    right, sound, known = (np.array([s[at] for s in states], dtype=bool) for at in range(3))
    counted = Outcomes(right, sound & known, known)
    both = sum(1 for r, s, k in states if k and r and s)
    of_right = sum(1 for r, _, k in states if k and r)
    of_sound = sum(1 for _, s, k in states if k and s)
    expected = ((sum(map(int, right)), len(states)), (both, of_right), (both, of_sound))
    for metric, pair in zip(METRICS, expected, strict=True):
        score = metric.compute(counted)
        assert (score.numerator, score.denominator) == pair
    assert sum(counted.states().values()) == len(states)
    assert sum(counted.quadrants().values()) == known.sum()


@pytest.mark.parametrize("hidden", [1, 3, 5])
def test_hiding_masks_at_random_leaves_the_expectation_of_pt_and_ir(hidden: int) -> None:
    right = np.array([True] * 5 + [False] * 3)
    sound = np.array([True, True, False, True, False, True, False, False])
    for metric in METRICS:
        whole = metric.compute(Outcomes(right, sound))
        values = []
        for chosen in combinations(range(8), hidden):
            known = ~np.isin(np.arange(8), chosen)
            values.append(metric.compute(Outcomes(right, sound & known, known)).value)
        defined = [value for value in values if value is not None]
        assert np.mean(defined) == pytest.approx(whole.value, abs=1e-12)


def test_every_second_image_annotated_gives_what_those_alone_give() -> None:
    known = np.arange(80) % 2 == 0
    counted = Outcomes(np.arange(80) % 10 < 9, known, known)
    assert PredictionTrustworthiness().compute(counted) == Score(1.0, 40, 40)
    assert Accuracy().compute(counted) == Score(0.9, 72, 80)


def test_the_share_of_valid_evidence_leaves_out_what_is_unknown() -> None:
    right = np.array([True, True, False, False, True, False])
    sound = np.array([True, False, True, False, True, True])
    known = np.array([True, True, True, True, False, False])
    assert ValidRate().compute(Outcomes(right, sound, known)) == Score(0.5, 2, 4)
    assert ValidRate().compute(outcomes([], [])) == Score(None, 0, 0)
    assert make_valid_rate(CountParams(), Context()).label == "valid"
