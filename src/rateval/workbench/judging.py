"""One batch of stored maps judged on the job's device, with every promise checked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch

from rateval.api.protocols import Validator
from rateval.api.values import Verdict
from rateval.errors import PluginError
from rateval.store.rows import NO_MASK

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def judge_batch(
    validator: Validator,
    maps: NDArray[np.float16],
    masks: torch.Tensor,
    present: Sequence[bool],
    device: str,
) -> Verdict:
    """Judge (B, rows, cols) maps as they are stored against (B, H, W) bool masks on ``device``.

    The verdict lies on the CPU. Of an image whose mask is not ``present`` it is undefined, whatever
    the validator says. Raises PluginError when the validator returns something else than its
    protocol promises.
    """
    relevance = torch.from_numpy(maps).float()
    verdict = validator.judge(relevance.to(device), masks.to(device))
    _check(verdict, len(maps))
    there = torch.tensor(present, dtype=torch.bool)
    reasons = tuple(
        reason if has_mask else NO_MASK
        for reason, has_mask in zip(verdict.reasons, present, strict=True)
    )
    return Verdict(
        verdict.score.cpu(), verdict.valid.cpu() & there, verdict.defined.cpu() & there, reasons
    )


def _check(verdict: Verdict, count: int) -> None:
    shapes = {tuple(t.shape) for t in (verdict.score, verdict.valid, verdict.defined)}
    if shapes != {(count,)} or len(verdict.reasons) != count:
        raise PluginError(
            f"the validator returned a verdict of shapes {sorted(shapes)} and "
            f"{len(verdict.reasons)} reasons for {count} images"
        )
    if bool((verdict.valid & ~verdict.defined).any()):
        raise PluginError("the validator called evidence valid where its score is undefined")
    if not bool(torch.isfinite(verdict.score[verdict.defined]).all()):
        raise PluginError("the validator returned a score that is not finite yet called defined")
