"""What every evidence validator promises."""

from __future__ import annotations

from typing import cast

import torch

from rateval.api.component import EDITS
from rateval.api.edits import EditsValidator
from rateval.api.protocols import Validator
from rateval.testing.failure import part, require, require_members
from rateval.testing.judging.edits import check_edits_validator
from rateval.testing.judging.verdicts import JUDGE, check_form, require_same

_COUNT = 8


def check_validator(validator: Validator | EditsValidator, needs: str = "") -> None:
    """Check the form of verdicts, the undefined cases, and that images don't affect one another.

    ``needs`` is what its component says. Raises ConformanceError at the first broken promise.
    """
    require_members(validator, Validator)
    if needs == EDITS:
        check_edits_validator(cast(EditsValidator, validator))
    else:
        _check_map_validator(cast(Validator, validator))


def _check_map_validator(validator: Validator) -> None:
    for grid, size in (((3, 4), (24, 32)), ((7, 7), (50, 41))):
        relevance, masks = _cases(grid, size)
        kept = relevance.clone(), masks.clone()
        with part(JUDGE):
            verdict = validator.judge(relevance, masks)
            untouched = relevance.equal(kept[0]) and masks.equal(kept[1])
            require(untouched, JUDGE, "leave its inputs as they are", "changed inputs")
            check_form(verdict, _COUNT)
            require(verdict.defined.all(), JUDGE, "define a verdict for ordinary maps", verdict)
        with part(JUDGE):
            _check_independence(validator, *_cases(grid, size))
        with part(f"{JUDGE}, where a verdict is undefined,"):
            _check_undefined(validator, *_cases(grid, size))
    nothing = torch.empty(0, 3, 4), torch.empty(0, 24, 32, dtype=torch.bool)
    with part(f"{JUDGE}, of no image,"):
        check_form(validator.judge(*nothing), 0)


def _cases(grid: tuple[int, int], size: tuple[int, int]) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    relevance = torch.rand(_COUNT, *grid, generator=generator) ** 2
    masks = torch.zeros(_COUNT, *size, dtype=torch.bool)
    for index, mask in enumerate(masks):
        mask[index : index + size[0] // 2, : (index + 2) * size[1] // (_COUNT + 2)] = True
    return relevance, masks


def _check_undefined(validator: Validator, relevance: torch.Tensor, masks: torch.Tensor) -> None:
    relevance, masks = relevance.clone(), masks.clone()
    cases = {1: "an empty mask", 3: "an all-zero map", 4: "a constant map", 6: "both at once"}
    masks[1], relevance[3], relevance[4] = False, 0.0, 0.7
    masks[6], relevance[6] = False, 0.0
    verdict = validator.judge(relevance, masks)
    check_form(verdict, _COUNT)
    for index, case in cases.items():
        require(
            not verdict.defined[index],
            JUDGE,
            f"leave {case} undefined",
            f"defined with score {verdict.score[index].item()}",
        )
    others = [index for index in range(_COUNT) if index not in cases]
    require(
        verdict.defined[others].all(),
        JUDGE,
        "define the ordinary images beside undefined ones",
        verdict.defined.tolist(),
    )


def _check_independence(validator: Validator, relevance: torch.Tensor, masks: torch.Tensor) -> None:
    whole = validator.judge(relevance, masks)
    order = torch.tensor([5, 2, 7, 0, 3, 6, 1, 4])
    shuffled = validator.judge(relevance[order], masks[order])
    require_same(shuffled, whole, order, "give permuted images permuted verdicts")
    for index in range(_COUNT):
        alone = validator.judge(relevance[index : index + 1], masks[index : index + 1])
        require_same(
            alone, whole, torch.tensor([index]), "judge an image alone as it does in a batch"
        )
