"""Relevance of the image for an answer that is a text, in the graph of its score."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F

from rateval.api import PluginError, RatevalError
from rateval.api.tasks.texts import Attended, Flow, Passed
from rateval_finetune.relevance.patches import choose_depth

_IMAGE = "image"


def relevance_of_answers(flow: Flow, scores: torch.Tensor, layers: str | int) -> torch.Tensor:
    """Return relevance of the image's tokens for ``scores`` (B,), (B, N), in the graph.

    It is the positive part of gradient times attention, over heads and words, of the ``layers`` in
    which words look at the image, those nearest to the answer: the question's, where the answer
    looks at the question alone. In a decoder that has the image among its words it is that of the
    words from which the answer is predicted. Several layers add up. Raises RatevalError for more
    layers than there are, and where no words look at the image.

    Source: Li et al., "Align before Fuse", NeurIPS 2021 (salesforce/ALBEF, Grounding.py).
    """
    steps = flow.steps
    looks = [step for step in steps if isinstance(step, Attended) and _crosses(step)]
    if looks:
        nearest = [step for step in looks if step.to == looks[-1].to]
        return _sum_layers(nearest, scores, layers, None)
    passed = [step for step in steps if isinstance(step, Passed) and step.of == _IMAGE]
    own = [s for s in steps if isinstance(s, Attended) and s.to == s.of == flow.final]
    if not passed or passed[-1].to != flow.final or not own:
        raise RatevalError(
            "evidence-ft: no words of this model look at the image, so that there is no relevance "
            "to train; use ft"
        )
    if flow.reading is None:
        raise PluginError("record_flow: reading must say from which tokens the answer is predicted")
    among = _sum_layers(own, scores, layers, flow.reading)
    return _pass_back(among, passed[-1].places)


def _crosses(step: Attended) -> bool:
    return step.of == _IMAGE and step.to != _IMAGE


def _sum_layers(
    steps: Sequence[Attended],
    scores: torch.Tensor,
    layers: str | int,
    read: torch.Tensor | None,
) -> torch.Tensor:
    """Return what the chosen of these attentions give the tokens that are looked at, (B, N).

    Of all tokens that look, or of those that are ``read`` (B, M) bool.
    """
    places = choose_depth(layers, len(steps), "layers in which words look at the image")
    chosen = [steps[at].probabilities for at in places]
    slopes = torch.autograd.grad(scores.sum(), chosen, create_graph=True)
    total: torch.Tensor | None = None
    for probabilities, slope in zip(chosen, slopes, strict=True):
        given = F.relu(probabilities * slope).mean(dim=1)
        if read is not None:
            given = given * read[:, :, None]
        row = given.sum(dim=1)
        total = row if total is None else total + row
    assert total is not None  # there is one layer at least
    return total


def _pass_back(row: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
    """Carry (B, M) to the tokens that were passed there (B, N); those that became one share it."""
    kept = places >= 0
    at = places.clamp(min=0)
    merged = torch.zeros_like(row).scatter_add(1, at, kept.to(row.dtype))
    shared = row / merged.clamp(min=1)
    return torch.where(kept, shared.gather(1, at), 0)
