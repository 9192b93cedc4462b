"""What every model promises where a study asks for half precision."""

from __future__ import annotations

import torch

from rateval.api.protocols import Model
from rateval.api.tasks.texts import Attended, TextModel
from rateval.machine.precision import in_precision
from rateval.testing.failure import difference, require, require_tensor

_Texts = tuple[str, ...]
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


def check_half_texts(
    model: TextModel, images: torch.Tensor, questions: _Texts, answers: _Texts
) -> None:
    """Check that a model of texts scores and records under autocast, on (B, 3, H, W) float32.

    Raises ConformanceError at the first broken promise.
    """
    with torch.no_grad():
        exact = model.score(images, questions, answers).log_probabilities
    with in_precision(model, "bfloat16", str(images.device)):
        with torch.no_grad():
            plain = model.score(images, questions, answers).log_probabilities
        with model.record_flow() as flow:
            recorded = model.score(images, questions, answers).log_probabilities
        written = model.generate(images, questions)
    where = "TextModel.score()"
    for out in (plain, recorded.detach()):
        require_tensor(out, tuple(exact.shape), torch.float32, f"{where} in bfloat16", "(B, T)")
        off = difference(out, exact)
        asked = "come close to float32 in bfloat16"
        require(off <= _TOLERANCE, where, asked, f"a relative difference of {off:.2f}")
    require(len(written) == len(images), "TextModel.generate()", "answer in bfloat16", written)
    where = "TextModel.record_flow() in bfloat16"
    attended = [step.probabilities for step in flow.steps if isinstance(step, Attended)]
    for found in attended:
        require_tensor(found, tuple(found.shape), torch.float32, where, "(B, heads, N, N)")
    gradients = torch.autograd.grad(recorded.sum(), attended, allow_unused=True)
    finite = [bool(one.isfinite().all()) for one in gradients if one is not None]
    require(bool(finite) and all(finite), where, "have a finite gradient", finite)
