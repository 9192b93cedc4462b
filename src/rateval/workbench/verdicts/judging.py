"""Stored maps, or stored answers, judged on the job's device, with every promise checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import torch

from rateval.api.edits import EditsValidator
from rateval.api.protocols import Validator
from rateval.api.values import Verdict
from rateval.errors import PluginError
from rateval.machine.memory import Portions
from rateval.store.rows import EMPTY_MASK, NO_MASK
from rateval.wording import describe

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

CPU_BATCH = 16
"""Images that a CPU judges at once at most: their maps stay in its cache, where those of 64 took
1.5 times as long. Verdicts don't depend on it."""


def judge_batch(
    validator: Validator,
    maps: NDArray[np.float16],
    masks: torch.Tensor,
    present: Sequence[bool],
    device: str,
) -> Verdict:
    """Judge (B, rows, cols) maps as they are stored against (B, H, W) bool masks on ``device``.

    The verdict lies on the CPU. Of an image whose mask is not ``present`` it is undefined, whatever
    the validator says, and where it is undefined for an empty mask the reason says so. What doesn't
    fit into the device's memory is judged in parts. Raises PluginError when the validator returns
    something else than its protocol promises, and RatevalError where one image does not fit.
    """
    relevance = torch.from_numpy(maps).float()

    def judge(part: slice) -> Verdict:
        verdict = validator.judge(relevance[part].to(device), masks[part].to(device))
        return _checked(verdict, len(relevance[part]))

    portions = Portions("judged", "take another device, such as --device cpu")
    parts = portions.each(len(maps), judge)
    score, valid, defined = (
        torch.cat([getattr(part, name) for part in parts]) for name in ("score", "valid", "defined")
    )
    there = torch.tensor(present, dtype=torch.bool)
    said = [reason for part in parts for reason in part.reasons]
    filled = masks.flatten(1).any(1).tolist()
    reasons = tuple(
        NO_MASK if not has_mask else EMPTY_MASK if reason and not any_pixel else reason
        for reason, has_mask, any_pixel in zip(said, present, filled, strict=True)
    )
    return Verdict(score, valid & there, defined & there, reasons)


def judge_answers(
    validator: EditsValidator, answers: Mapping[str, torch.Tensor], count: int, device: str
) -> Verdict:
    """Judge ``count`` images by their answers to edits on ``device``; the verdict lies on the CPU.

    Raises PluginError when the validator returns something else than its protocol promises.
    """
    verdict = validator.judge({name: values.to(device) for name, values in answers.items()})
    return _checked(verdict, count)


def _checked(verdict: object, count: int) -> Verdict:
    """Return a verdict on the CPU. Raises PluginError when it breaks its protocol."""
    if not isinstance(verdict, Verdict):
        raise _fault(f"must return a Verdict; got {describe(verdict)}")
    tensors = (verdict.score, verdict.valid, verdict.defined)
    if not all(isinstance(tensor, torch.Tensor) for tensor in tensors):
        got = ", ".join(describe(tensor) for tensor in tensors)
        raise _fault(f"must return score, valid and defined as tensors; got {got}")
    shapes = {tuple(t.shape) for t in tensors}
    if shapes != {(count,)} or len(verdict.reasons) != count:
        raise _fault(
            f"returned a verdict of shapes {sorted(shapes)} and "
            f"{len(verdict.reasons)} reasons for {count} images"
        )
    if {verdict.valid.dtype, verdict.defined.dtype} != {torch.bool}:
        got = f"{describe(verdict.valid)} and {describe(verdict.defined)}"
        raise _fault(f"must return valid and defined as bool; got {got}")
    score, valid, defined = (tensor.detach().cpu() for tensor in tensors)
    if bool((valid & ~defined).any()):
        raise _fault("called evidence valid where its score is undefined")
    if not bool(torch.isfinite(score[defined]).all()):
        raise _fault("returned a score that is not finite yet called defined")
    for reason, known in zip(verdict.reasons, defined.tolist(), strict=True):
        if not isinstance(reason, str) or bool(reason) is known:
            asked = "give a reason where a score is undefined, and only there"
            raise _fault(f"must {asked}; got {describe(reason)} where defined is {known}")
    return Verdict(score, valid, defined, tuple(verdict.reasons))


def _fault(what: str) -> PluginError:
    return PluginError(f"the validator {what}", kind="validator")
