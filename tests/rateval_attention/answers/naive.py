"""Relevance by a plain float64 loop that keeps the matrix of every two streams."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from rateval.api.tasks.texts import Attended, Passed, TextModel

Matrices = dict[tuple[str, str], torch.Tensor]


def naive_matrices(
    steps: Sequence[Attended | Passed], gradients: Sequence[torch.Tensor | None], row: int
) -> Matrices:
    """Return R of every two streams after all steps, for one answer of the batch."""
    lengths = measure(steps)
    relevance = {
        (s, q): (torch.eye(n) if s == q else torch.zeros(n, m)).double()
        for s, n in lengths.items()
        for q, m in lengths.items()
    }
    for step, gradient in zip(steps, gradients, strict=True):
        s, q = step.to, step.of
        before = dict(relevance)
        if isinstance(step, Passed):
            turned = shares(step.places[row], lengths[s])
            for x in lengths:
                relevance[s, x] = before[s, x] + turned @ before[q, x]
            continue
        assert gradient is not None
        product = step.probabilities[row].detach().double() * gradient[row].double()
        mean = torch.stack([head.clamp(min=0) for head in product]).mean(0)
        for x in lengths:
            if s == q:  # equations 6 and 7
                relevance[s, x] = before[s, x] + mean @ before[s, x]
            elif x == q:  # equation 10
                around = normalised(before[s, s]).T @ mean @ normalised(before[q, q])
                relevance[s, x] = before[s, x] + around
            else:  # equation 11, where x is s
                relevance[s, x] = before[s, x] + mean @ before[q, x]
    return relevance


def measure(steps: Sequence[Attended | Passed]) -> dict[str, int]:
    """Return the number of tokens of each stream."""
    lengths: dict[str, int] = {}
    for step in steps:
        if isinstance(step, Attended):
            lengths[step.to], lengths[step.of] = step.probabilities.shape[-2:]
        else:
            lengths[step.of] = step.places.shape[-1]
    return lengths


def shares(places: torch.Tensor, length: int) -> torch.Tensor:
    """Return a row for each of ``length`` tokens, 1 / k at each of the k that became it."""
    turned = torch.zeros(length, len(places)).double()
    for token, place in enumerate(places.tolist()):
        if place >= 0:
            turned[place, token] = 1 / places.tolist().count(place)
    return turned


def normalised(matrix: torch.Tensor) -> torch.Tensor:
    """Return equations 8 and 9, rows of zeros as they are."""
    rest = matrix - torch.eye(len(matrix)).double()
    rows = [row / row.sum() if float(row.sum()) > 1e-30 else row for row in rest]
    return torch.stack(rows) + torch.eye(len(matrix)).double()


def naive_row(
    steps: Sequence[Attended | Passed],
    gradients: Sequence[torch.Tensor | None],
    final: str,
    start: torch.Tensor,
) -> torch.Tensor:
    """Return the rows of the image that ``start`` (B, N) reads, (B, N of the image) float64."""
    rows = [
        naive_matrices(steps, gradients, row)[final, "image"].T @ weights.double()
        for row, weights in enumerate(start)
    ]
    return torch.stack(rows)


def naive_answer(
    model: TextModel,
    answered: Any,
    row: int,
    *,
    keep: Sequence[int] | None = None,
    columns: slice | list[int] = slice(None),
    margin: bool = False,
) -> tuple[Any, list[torch.Tensor | None], torch.Tensor]:
    """Return steps, gradients and start of one answer alone, its score that of ``columns``."""
    images = answered.images[row : row + 1].double()
    question = answered.questions[row : row + 1]
    with model.record_flow() as flow:
        scores = model.score(images, question, answered.answers[row : row + 1])
    picked = scores.log_probabilities[0][columns]
    assert flow.reading is not None
    positions = flow.reading[0].nonzero()[:, 0][columns]
    start = torch.zeros(1, flow.reading.shape[1]).double()
    start[0, positions] = 1 / len(positions)
    others: list[Any] = [None] * len(flow.steps)
    value = picked.sum()
    if margin:
        with model.record_flow() as rival:
            against = model.score(images, question, answered.rivals[row : row + 1])
        value = value - against.log_probabilities.sum()
        others = rival.steps
    gradients: list[torch.Tensor | None] = []
    for step, other in zip(flow.steps, others, strict=True):
        if isinstance(step, Passed):
            gradients.append(None)
            continue
        (slope,) = torch.autograd.grad(value, step.probabilities, retain_graph=True)
        if margin and step.to != flow.final:
            slope = slope + torch.autograd.grad(value, other.probabilities, retain_graph=True)[0]
        gradients.append(slope)
    kept = range(len(flow.steps)) if keep is None else keep
    return [flow.steps[at] for at in kept], [gradients[at] for at in kept], start
