"""Streams of tokens and the steps between them, as explainers of answers read a flow."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeGuard

import torch

from rateval.api import PluginError
from rateval.api.tasks.texts import Attended, Flow, Passed

IMAGE = "image"
"""The stream of a flow that every other one starts from."""

Step = Attended | Passed


def check_flow(flow: Flow, count: int) -> torch.Tensor:
    """Return ``reading`` of a flow of ``count`` answers, (B, N of ``final``) bool.

    Raises PluginError when the recorded steps don't fit each other, or lead to no image.
    """
    lengths: dict[str, int] = {}
    # Passed tokens don't say how many there are where they went; attention does, before or after.
    for step in sorted(flow.steps, key=lambda step: isinstance(step, Passed)):
        for stream, length in _lengths(step, lengths.get(step.to)):
            if lengths.setdefault(stream, length) != length:
                raise PluginError(
                    f"record_flow: the stream {stream!r} has {lengths[stream]} tokens in one step "
                    f"and {length} in another; a stream keeps its tokens"
                )
    for stream in (IMAGE, flow.final):
        if stream not in lengths:
            raise PluginError(
                f"record_flow: no step is of the stream {stream!r}, only of {sorted(lengths)}; the "
                "first stream is 'image', and `final` names the one that answers are read from"
            )
    expected = (count, lengths[flow.final])
    if flow.reading is None or flow.reading.shape != expected:
        found = None if flow.reading is None else tuple(flow.reading.shape)
        raise PluginError(f"record_flow: reading must be {expected} bool, and is {found}")
    return flow.reading


def _lengths(step: Step, known: int | None) -> list[tuple[str, int]]:
    if isinstance(step, Attended):
        return [(step.to, step.probabilities.shape[-2]), (step.of, step.probabilities.shape[-1])]
    most = int(step.places.max()) + 1
    if known is None or most > known:
        raise PluginError(
            f"record_flow: tokens of {step.of!r} became token {most - 1} of {step.to!r}, which has "
            f"{known or 'no'} tokens by its recorded attention"
        )
    return [(step.of, step.places.shape[-1])]


def is_attention(step: Step, *, to: str, of: str) -> TypeGuard[Attended]:
    """Return whether tokens of ``to`` looked at tokens of ``of`` in this step.

    >>> is_attention(Attended("answer", "image", torch.ones(1, 1, 2, 3)), to="answer", of="image")
    True
    """
    return isinstance(step, Attended) and (step.to, step.of) == (to, of)


def last_of_each_kind(steps: Sequence[Step]) -> tuple[int, ...]:
    """Return where the last attention between each two streams stands, or of one to itself.

    Tokens that were passed on are all kept: they are no layer.

    >>> looks = Attended("answer", "image", torch.ones(1, 1, 2, 3))
    >>> own = Attended("answer", "answer", torch.ones(1, 1, 2, 2))
    >>> last_of_each_kind([own, looks, own, looks])
    (2, 3)
    """
    last = {(step.to, step.of): at for at, step in enumerate(steps) if isinstance(step, Attended)}
    passed = (at for at, step in enumerate(steps) if isinstance(step, Passed))
    return tuple(sorted([*last.values(), *passed]))


def pass_back(row: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
    """Carry a row over a stream (B, M) to the tokens that were passed into it, (B, N).

    Tokens that became one share its value alike, so that the sum stays; a dropped one gets 0.

    >>> pass_back(torch.tensor([[1.0, 4.0, 2.0]]), torch.tensor([[1, 1, -1, 2]]))
    tensor([[2., 2., 0., 2.]])
    """
    kept = places >= 0
    at = places.clamp(min=0)
    merged = torch.zeros_like(row).scatter_add_(1, at, kept.to(row.dtype))
    shared = row / merged.clamp(min=1)
    return torch.where(kept, shared.gather(1, at), 0)
