"""The tiny text model in its three forms, what is asked of it, and its answers."""

from __future__ import annotations

from typing import Any, Literal

import torch

from rateval.api.tasks.texts import Answered, Answerer
from rateval.testing.tiny.texts import (
    CANDIDATES,
    SIZE,
    Form,
    TinyAnswerer,
    TinyTextModel,
    tiny_text_model,
)

__all__ = ["QUESTIONS", "RIVALS", "SIZE", "Form", "ask", "make_toy"]

QUESTIONS = ("what is it", "which colour has the large ball left of the cube", "how many")
RIVALS = ("a cube", "pale dark blue", "one")


def make_toy(
    form: Form, *, pad: Literal["left", "right"] = "right", dtype: str = "float32"
) -> tuple[TinyTextModel, Answerer]:
    """Return the model, whose weights may train, and what answers by it."""
    toy = tiny_text_model(form, 5, pad=pad)
    toy.module.to(getattr(torch, dtype)).requires_grad_(True)
    return toy, TinyAnswerer(toy)


def ask(form: Form, rows: slice = slice(None), **more: Any) -> Answered:
    """Return three questions, or some of them, and their answers."""
    images = torch.randn(3, 3, *SIZE, generator=torch.Generator().manual_seed(2))[rows]
    questions: tuple[str, ...] = ("", "", "") if form == "caption" else QUESTIONS
    ids: tuple[str, ...] = ("a", "b", "c")
    answers: tuple[str, ...] = CANDIDATES
    return Answered(images, questions[rows], answers[rows], ids[rows], **more)
