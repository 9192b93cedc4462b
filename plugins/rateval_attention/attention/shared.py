"""Attributions that read one recording of the attention, by themselves or several at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

from rateval.api import Attribution, Classifier, Explanation, Model, RatevalError
from rateval_attention.explainer import differentiable
from rateval_attention.params import TargetParams
from rateval_attention.passes import differentiate, record_pass

Maps = Callable[[Model, Sequence[torch.Tensor], Sequence[torch.Tensor]], torch.Tensor]
"""(model, attention of each layer, gradients by it), the last layer first, to relevance
(B, rows, cols); without gradients where no score is explained."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What an attribution reads of a recording, and what it makes of that."""

    layers: Callable[[Model], tuple[int, ...]]
    """Layers of a model, ascending. Raises RatevalError where it has no such layers."""
    maps: Maps
    score: TargetParams | None = None
    """What is differentiated; None where nothing is."""

    @property
    def objective(self) -> tuple[object, object] | None:
        """Names what is differentiated."""
        return None if self.score is None else (self.score.target, self.score.score)


class AttentionExplainer:
    """An attribution by a reading of the attention, which shares a pass with others of its kind."""

    def __init__(self, reading: Reading) -> None:
        self.reading = reading

    def explain(
        self,
        classifier: Classifier,
        images: torch.Tensor,
        labels: torch.Tensor,
        ids: Sequence[str] | None = None,
    ) -> Explanation:
        """Explain (B, 3, H, W) float32 with labels (B,) int64.

        Works inside ``no_grad`` and ``inference_mode``, whether or not the weights require a
        gradient, and leaves their ``grad`` alone. Raises RatevalError when the model has no such
        layer or the classifier no such target, PluginError when the logits don't depend on the
        recorded attention.
        """
        return self.explain_together([self], [0], classifier, images, labels, ids)[0]

    def explain_together(
        self,
        planned: Sequence[Attribution],
        wanted: Sequence[int],
        classifier: Classifier,
        images: torch.Tensor,
        labels: torch.Tensor,
        ids: Sequence[str] | None = None,
    ) -> list[Explanation]:
        """Explain by some of the planned attributions, from one pass that suits all of them.

        Works as ``explain`` does, and raises the same for those that are wanted.
        """
        readings = [_reading_of(one) for one in planned]
        with differentiable(classifier, images, labels) as given:
            return _explain(readings, wanted, classifier, *given)


def _reading_of(attribution: Attribution) -> Reading:
    assert isinstance(attribution, AttentionExplainer)
    return attribution.reading


def _explain(
    readings: Sequence[Reading],
    wanted: Sequence[int],
    classifier: Classifier,
    images: torch.Tensor,
    labels: torch.Tensor,
) -> list[Explanation]:
    model = classifier.model
    asked = {at: readings[at].layers(model) for at in wanted}
    # Attention that is recorded is computed otherwise than attention that isn't, and rounded
    # otherwise: what is wanted now must not tell.
    usable = {at: found for at, one in enumerate(readings) if (found := _try(one, model))}
    layers = sorted({layer for found in usable.values() for layer in found}, reverse=True)
    with torch.set_grad_enabled(any(readings[at].score is not None for at in usable)):
        attention, logits = record_pass(classifier, images, layers)
    recorded = dict(zip(layers, attention, strict=True))
    del attention
    maps: dict[int, torch.Tensor] = {}
    rounds = _rounds(readings, wanted)
    for number, places in enumerate(rounds):
        needed = sorted({layer for at in places for layer in asked[at]}, reverse=True)
        score, slopes = readings[places[0]].score, dict[int, torch.Tensor]()
        if score is not None:
            inputs = [recorded[layer] for layer in needed]
            again = number + 1 < len(rounds)
            gradients = differentiate(classifier, logits, labels, inputs, score, again=again)
            slopes = dict(zip(needed, gradients, strict=True))
            del gradients
        for at in places:
            own = sorted(asked[at], reverse=True)
            given = (
                [found[layer] for layer in own if layer in found] for found in (recorded, slopes)
            )
            with torch.no_grad():
                maps[at] = readings[at].maps(model, *given)
    logits = logits.detach().float()
    return [Explanation(maps[at].detach().float(), logits) for at in wanted]


def _try(reading: Reading, model: Model) -> tuple[int, ...]:
    try:
        return reading.layers(model)
    except RatevalError:  # whoever wants that one is told
        return ()


def _rounds(readings: Sequence[Reading], wanted: Sequence[int]) -> list[list[int]]:
    """Return the wanted ones by what they differentiate: one backward pass does for each.

    Those that differentiate nothing come first, so that the graph goes with the last gradient.
    """
    rounds: dict[object, list[int]] = {}
    for at in sorted(wanted, key=lambda at: readings[at].score is not None):
        rounds.setdefault(readings[at].objective, []).append(at)
    return list(rounds.values())
