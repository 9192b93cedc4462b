"""What every validator of predictions under edits promises."""

from __future__ import annotations

import torch

from rateval.api.edits import EditsValidator
from rateval.api.values import Verdict
from rateval.testing.failure import part, require
from rateval.testing.judging.verdicts import JUDGE, check_form, require_same

_COUNT = 8


def check_edits_validator(validator: EditsValidator) -> None:
    """Check the form of verdicts, and that images don't affect one another.

    Raises ConformanceError at the first broken promise.
    """
    answers = make_answers()
    kept = {name: values.clone() for name, values in answers.items()}
    whole = validator.judge(answers)
    untouched = all(answers[name].equal(values) for name, values in kept.items())
    require(untouched, JUDGE, "leave its inputs as they are", "changed inputs")
    check_form(whole, _COUNT)
    with part(JUDGE):
        _check_independence(validator, answers, whole)
    with part(f"{JUDGE}, of no image,"):
        check_form(validator.judge(_take(answers, torch.empty(0, dtype=torch.int64))), 0)


def _check_independence(
    validator: EditsValidator, answers: dict[str, torch.Tensor], whole: Verdict
) -> None:
    more = answers | {"named_later": torch.zeros(_COUNT)}
    require_same(
        validator.judge(more), whole, torch.arange(_COUNT), "pass over names that it doesn't know"
    )
    order = torch.tensor([5, 2, 7, 0, 3, 6, 1, 4])
    require_same(
        validator.judge(_take(answers, order)),
        whole,
        order,
        "give permuted images permuted verdicts",
    )
    for index in range(_COUNT):
        at = torch.tensor([index])
        alone = validator.judge(_take(answers, at))
        require_same(alone, whole, at, "judge an image alone as it does in a batch")


def make_answers() -> dict[str, torch.Tensor]:
    """Return the answers of eight images."""
    kept = torch.tensor([0.0, 0.25, 0.5, 1.0, 1.0, 0.75, 0.5, 0.0])
    without = torch.tensor([False, False, True, False, True, False, False, True])
    return {
        "kept_on_object": kept,
        "kept_without_object": without,
        "gap": kept - without.float() / 2,
        "causal": (kept >= 0.5) & ~without,
    }


def _take(answers: dict[str, torch.Tensor], at: torch.Tensor) -> dict[str, torch.Tensor]:
    return {name: values[at] for name, values in answers.items()}
