"""What every model promises where a study asks for half precision."""

from __future__ import annotations

import torch

from rateval.api.protocols import Model
from rateval.machine.precision import in_precision
from rateval.testing.failure import difference, require, require_tensor

_TOLERANCE = 0.2
"""Rounding to 8 bits shows in the second digit; more than this is another computation."""


def check_half_precision(model: Model, images: torch.Tensor) -> None:
    """Check that ``encode_image`` and ``features`` run under autocast, on (B, 3, H, W) float32.

    Raises ConformanceError at the first broken promise.
    """
    last = model.depth - 1
    for name in ("encode_image", "features"):
        with torch.no_grad():
            exact = getattr(model, name)(images)
        with in_precision(model, "bfloat16", str(images.device)):
            with torch.no_grad():
                plain = getattr(model, name)(images)
            with model.record_attention([last]) as record:
                recorded = getattr(model, name)(images)
        for out in (plain, recorded.detach()):
            off = difference(out, exact)
            asked = "come close to float32 in bfloat16"
            require(
                off <= _TOLERANCE, f"Model.{name}", asked, f"a relative difference of {off:.2f}"
            )
        attention, where = record[last], f"Model.record_attention, layer {last}, in bfloat16"
        meaning = "(B, heads, N, N)"
        require_tensor(attention, tuple(attention.shape), torch.float32, where, meaning)
        (gradient,) = torch.autograd.grad(recorded.sum(), attention)
        require(gradient.isfinite().all(), where, "have a finite gradient", "one that is not")
