"""What every evidence validator promises."""

from __future__ import annotations

import torch

from rateval.api.protocols import Validator
from rateval.api.values import Verdict
from rateval.testing.failure import (
    describe,
    difference,
    require,
    require_members,
    require_tensor,
)

_COUNT = 8
_WHERE = "Validator.judge"


def check_validator(validator: Validator) -> None:
    """Check the form of verdicts, the undefined cases, and that images don't affect one another.

    Raises ConformanceError at the first broken promise.
    """
    require_members(validator, Validator)
    for grid, size in (((3, 4), (24, 32)), ((7, 7), (50, 41))):
        relevance, masks = _cases(grid, size)
        kept = relevance.clone(), masks.clone()
        verdict = validator.judge(relevance, masks)
        untouched = relevance.equal(kept[0]) and masks.equal(kept[1])
        require(untouched, _WHERE, "leave its inputs as they are", "changed inputs")
        _check_form(verdict, _COUNT)
        require(verdict.defined.all(), _WHERE, "define a verdict for ordinary maps", verdict)
        _check_independence(validator, relevance, masks)
        _check_undefined(validator, relevance, masks)
    _check_form(validator.judge(torch.empty(0, 3, 4), torch.empty(0, 24, 32, dtype=torch.bool)), 0)


def _cases(grid: tuple[int, int], size: tuple[int, int]) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    relevance = torch.rand(_COUNT, *grid, generator=generator) ** 2
    masks = torch.zeros(_COUNT, *size, dtype=torch.bool)
    for index, mask in enumerate(masks):
        mask[index : index + size[0] // 2, : (index + 2) * size[1] // (_COUNT + 2)] = True
    return relevance, masks


def _check_form(verdict: Verdict, count: int) -> None:
    require(isinstance(verdict, Verdict), _WHERE, "return a Verdict", repr(verdict))
    require_tensor(verdict.score, (count,), torch.float32, "Verdict.score", "(B,)")
    require_tensor(verdict.valid, (count,), torch.bool, "Verdict.valid", "(B,)")
    require_tensor(verdict.defined, (count,), torch.bool, "Verdict.defined", "(B,)")
    reasons = verdict.reasons
    require(
        isinstance(reasons, tuple)
        and len(reasons) == count
        and all(isinstance(reason, str) for reason in reasons),
        "Verdict.reasons",
        f"be a tuple of {count} strings",
        repr(reasons),
    )
    defined = verdict.defined.tolist()
    require(
        all((reason == "") == known for reason, known in zip(reasons, defined, strict=True)),
        "Verdict.reasons",
        "be empty where defined and say why where not",
        f"{reasons} with defined = {defined}",
    )
    require(
        not (verdict.valid & ~verdict.defined).any(),
        "Verdict.valid",
        "never be True where defined is False",
        f"valid = {verdict.valid.tolist()} with defined = {defined}",
    )
    finite = verdict.score[verdict.defined].isfinite().all()
    require(finite, "Verdict.score", "be finite where defined", verdict.score.tolist())


def _check_undefined(validator: Validator, relevance: torch.Tensor, masks: torch.Tensor) -> None:
    relevance, masks = relevance.clone(), masks.clone()
    cases = {1: "an empty mask", 3: "an all-zero map", 4: "a constant map", 6: "both at once"}
    masks[1], relevance[3], relevance[4] = False, 0.0, 0.7
    masks[6], relevance[6] = False, 0.0
    verdict = validator.judge(relevance, masks)
    _check_form(verdict, _COUNT)
    for index, case in cases.items():
        require(
            not verdict.defined[index],
            _WHERE,
            f"leave {case} undefined",
            f"defined with score {verdict.score[index].item()}",
        )
    others = [index for index in range(_COUNT) if index not in cases]
    require(
        verdict.defined[others].all(),
        _WHERE,
        "define the ordinary images beside undefined ones",
        verdict.defined.tolist(),
    )


def _check_independence(validator: Validator, relevance: torch.Tensor, masks: torch.Tensor) -> None:
    whole = validator.judge(relevance, masks)
    order = torch.tensor([5, 2, 7, 0, 3, 6, 1, 4])
    shuffled = validator.judge(relevance[order], masks[order])
    _require_same(shuffled, whole, order, "give permuted images permuted verdicts")
    for index in range(_COUNT):
        alone = validator.judge(relevance[index : index + 1], masks[index : index + 1])
        _require_same(
            alone, whole, torch.tensor([index]), "judge an image alone as it does in a batch"
        )


def _require_same(part: Verdict, whole: Verdict, order: torch.Tensor, asked: str) -> None:
    same = (
        difference(part.score, whole.score[order]) <= 1e-5
        and part.valid.equal(whole.valid[order])
        and part.defined.equal(whole.defined[order])
    )
    got = f"{part.score.tolist()} for {whole.score[order].tolist()}"
    require(same, _WHERE, asked, got if part.score.numel() else describe(part.score))
