"""The checks of validators and metrics."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import pytest
import torch
import torch.nn.functional as F

from rateval.api import Outcomes, Score, Verdict
from rateval.testing import ConformanceError, check_metric, check_validator


class Pointing:
    """Valid when the largest patch's centre lies on the evidence; keeps every promise."""

    def judge(self, relevance: torch.Tensor, masks: torch.Tensor) -> Verdict:
        size = (masks.shape[1], masks.shape[2])
        heat = F.interpolate(relevance[:, None], size=size, mode="nearest")[:, 0].flatten(1)
        flat = (relevance.amax((1, 2)) - relevance.amin((1, 2))) == 0
        empty = ~masks.flatten(1).any(1)
        top = heat.argmax(1, keepdim=True)
        hit = masks.flatten(1).gather(1, top).squeeze(1)
        defined = ~(flat | empty)
        reasons = tuple("" if known else "nothing to point at" for known in defined.tolist())
        return Verdict(hit.float(), hit & defined, defined, reasons)


class Changed(Pointing):
    """A validator whose verdicts are changed on the way out."""

    def __init__(self, change: Callable[[Verdict], Any]) -> None:
        self.change = change

    def judge(self, relevance: torch.Tensor, masks: torch.Tensor) -> Any:
        return self.change(super().judge(relevance, masks))


def replacing(**changes: Any) -> Changed:
    return Changed(lambda verdict: dataclasses.replace(verdict, **changes))


class Published(Pointing):
    """Nothing is ever undefined, as in the published code."""

    def judge(self, relevance: torch.Tensor, masks: torch.Tensor) -> Verdict:
        verdict = super().judge(relevance, masks)
        all_of_them = torch.ones_like(verdict.defined)
        return dataclasses.replace(verdict, defined=all_of_them, reasons=("",) * len(relevance))


class Ranking(Pointing):
    """The score is compared with the rest of the batch."""

    def judge(self, relevance: torch.Tensor, masks: torch.Tensor) -> Verdict:
        verdict = super().judge(relevance, masks)
        score = relevance.sum((1, 2)) / relevance.sum()
        return dataclasses.replace(verdict, score=score)


class FirstOnly(Pointing):
    """The first image is judged by another measure than the rest."""

    def judge(self, relevance: torch.Tensor, masks: torch.Tensor) -> Verdict:
        verdict = super().judge(relevance, masks)
        score = verdict.score.clone()
        score[:1] += 1
        return dataclasses.replace(verdict, score=score)


class Inplace(Pointing):
    def judge(self, relevance: torch.Tensor, masks: torch.Tensor) -> Verdict:
        relevance /= 2
        return super().judge(relevance, masks)


class AllOrNothing(Pointing):
    """One undefined image spoils the batch."""

    def judge(self, relevance: torch.Tensor, masks: torch.Tensor) -> Verdict:
        verdict = super().judge(relevance, masks)
        if verdict.defined.all():
            return verdict
        none = torch.zeros_like(verdict.defined)
        return Verdict(verdict.score, none, none, ("no",) * len(relevance))


class Undefining(Pointing):
    def judge(self, relevance: torch.Tensor, masks: torch.Tensor) -> Verdict:
        return super().judge(relevance * 0, masks)


def test_a_sound_validator_passes() -> None:
    check_validator(Pointing())


@pytest.mark.parametrize(
    ("validator", "message"),
    [
        (object(), "Validator: object must offer judge"),
        (Changed(lambda verdict: verdict.score), "Validator.judge must return a Verdict"),
        (replacing(score=torch.zeros(8, 1)), r"Verdict.score must be \(B,\) float32, here \(8\)"),
        (replacing(valid=torch.zeros(8)), r"Verdict.valid must be \(B,\) bool.*\(8,\) float32"),
        (replacing(defined=torch.ones(1, dtype=torch.bool)), r"Verdict.defined must be \(B,\)"),
        (replacing(reasons=[""] * 8), "Verdict.reasons must be a tuple of 8 strings"),
        (replacing(reasons=("why",) * 8), "Verdict.reasons must be empty where defined"),
        (replacing(score=torch.full((8,), float("nan"))), "Verdict.score must be finite where"),
        (
            Changed(lambda v: dataclasses.replace(v, valid=torch.ones_like(v.valid))),
            "Verdict.valid must never be True where defined is False",
        ),
        (Published(), "Validator.judge must leave an empty mask undefined"),
        (Ranking(), "must judge an image alone as it does in a batch"),
        (FirstOnly(), "must give permuted images permuted verdicts"),
        (Inplace(), "Validator.judge must leave its inputs as they are"),
        (AllOrNothing(), "must define the ordinary images beside undefined ones"),
        (Undefining(), "Validator.judge must define a verdict for ordinary maps"),
    ],
)
def test_a_broken_validator_is_named(validator: Any, message: str) -> None:
    with pytest.raises(ConformanceError, match=message):
        check_validator(validator)


NEEDS = "predictions under edits"


class Causes:
    """A validator of answers to edits by the function given."""

    def __init__(self, change: Callable[[Verdict], Any] = lambda verdict: verdict) -> None:
        self.change = change

    def judge(self, answers: Mapping[str, torch.Tensor]) -> Any:
        causal, gap = answers["causal"], answers["gap"]
        verdict = Verdict(gap.clone(), causal.clone(), causal | ~causal, ("",) * len(gap))
        return self.change(verdict)


class Unpacking(Causes):
    def judge(self, answers: Mapping[str, torch.Tensor]) -> Any:
        if len(answers) > 4:
            return super().judge({name: values.flip(0) for name, values in answers.items()})
        return super().judge(answers)


class Overwriting(Causes):
    def judge(self, answers: Mapping[str, torch.Tensor]) -> Any:
        answers["gap"].zero_()
        return super().judge(answers)


class MeanGap(Causes):
    def judge(self, answers: Mapping[str, torch.Tensor]) -> Any:
        gap = answers["gap"]
        mean = gap.mean() if len(gap) else 0.0
        return super().judge({**answers, "causal": gap > mean})


def test_a_sound_validator_of_edits_passes() -> None:
    check_validator(Causes(), NEEDS)


@pytest.mark.parametrize(
    ("validator", "message"),
    [
        (object(), "Validator: object must offer judge"),
        (Causes(lambda verdict: verdict.valid), "Validator.judge must return a Verdict"),
        (
            Causes(lambda v: dataclasses.replace(v, reasons=("why",) * len(v.reasons))),
            "Verdict.reasons must be empty where defined",
        ),
        (Unpacking(), "Validator.judge must pass over names that it doesn't know"),
        (Overwriting(), "Validator.judge must leave its inputs as they are"),
        (MeanGap(), "Validator.judge must judge an image alone as it does in a batch"),
    ],
)
def test_a_broken_validator_of_edits_is_named(validator: Any, message: str) -> None:
    with pytest.raises(ConformanceError, match=message):
        check_validator(validator, NEEDS)


class Agreement:
    """A metric by the function given."""

    label = "agree"

    def __init__(self, compute: Callable[[Outcomes], Any], label: str = "agree") -> None:
        self.compute = compute
        self.label = label


def agree(outcomes: Outcomes) -> Score:
    return Score.share(int((outcomes.correct == outcomes.valid).sum()), len(outcomes.correct))


def first_correct(outcomes: Outcomes) -> Score:
    first = outcomes.correct[:1] & outcomes.valid[:1]
    return Score.share(int(first.sum()), len(outcomes.correct))


def test_a_sound_metric_passes() -> None:
    check_metric(Agreement(agree))


@pytest.mark.parametrize(
    ("metric", "message"),
    [
        (object(), "Metric: object must offer compute, label"),
        (Agreement(agree, label=""), "Metric.label must be a heading of 1 to 12 characters"),
        (Agreement(lambda o: agree(o).value), "return a Score; got None"),
        (Agreement(lambda o: Score(0.5, 2, 1)), "0 <= numerator <= denominator"),
        (Agreement(lambda o: Score(0.5, 0.5, 1)), "give counts as int"),  # type: ignore[arg-type]
        (Agreement(lambda o: Score(0.0, 0, 0)), "must give None for an empty denominator"),
        (Agreement(lambda o: Score(float("nan"), 0, 0)), "must give None for an empty denom"),
        (Agreement(lambda o: Score(0.5, 1, 4)), "must give numerator / denominator = 0.25"),
        (Agreement(lambda o: Score(None, 1, 4)), "must give numerator / denominator = 0.25"),
        (Agreement(lambda o: Score.share(1, 4)), "value None and denominator 0 when there is no"),
        (Agreement(first_correct), "must not depend on the order of images"),
    ],
)
def test_a_broken_metric_is_named(metric: Any, message: str) -> None:
    with pytest.raises(ConformanceError, match=message):
        check_metric(metric)
