"""Accuracy, PT and IR as a metric of torchmetrics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from rateval.errors import RatevalError
from rateval.stats.wilson import wilson_interval
from rateval.store.identity import identify
from rateval.training_loop.arguments import CALL, Judged, Unjudged, read_batch
from rateval.training_loop.validator import make_validator
from rateval.workbench.maps import scale_maps
from rateval.workbench.verdicts.judging import judge_batch

try:
    from torchmetrics import Metric
except ModuleNotFoundError as _error:
    if _error.name != "torchmetrics":
        raise
    raise RatevalError(
        f"{CALL}: needs torchmetrics, which is not installed; pip install 'rateval[torchmetrics]'"
    ) from None

_STATES = ("RR", "RW", "WR", "WW", "RU", "WU")
_SHARES: Mapping[str, tuple[Sequence[str], Sequence[str]]] = {
    "accuracy": (("RR", "RW", "RU"), _STATES),
    "pt": (("RR",), ("RR", "RW")),
    "ir": (("RR",), ("RR", "WR")),
}
"""Name of a share to the states that its numerator counts, and its denominator."""


class PredictionRationality(Metric):
    """Accuracy, prediction trustworthiness and inference reliability, counted batch by batch.

    ``validator`` is as in a spec: a name, or a dict with ``use`` and params; ``threshold`` replaces
    its own. It is asked where ``update`` is given maps and masks. With a ``level``, such as 0.95,
    ``compute`` returns intervals, too. ``options`` are those of every ``torchmetrics.Metric``.
    Raises RatevalError for what is wrong with them, as ``update`` does for a batch.

    >>> metric = PredictionRationality()
    >>> metric.update(torch.tensor([True, True, False]), torch.tensor([True, False, False]))
    >>> {name: value.item() for name, value in metric.compute().items() if name in ("pt", "RW")}
    {'pt': 0.5, 'RW': 1.0}
    """

    is_differentiable = False
    higher_is_better = True
    full_state_update = False

    def __init__(
        self,
        validator: str | Mapping[str, Any] = "relevance-mass",
        *,
        threshold: float | None = None,
        level: float | None = None,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        if level is not None and not 0 < level < 1:
            raise RatevalError(f"{CALL}: level = {level}: must lie between 0 and 1, such as 0.95")
        self._level = level
        self._validator, asked = make_validator(validator, threshold)
        # A MetricCollection takes metrics for one and the same, and updates only the first, whose
        # states have equal names and, after one batch, equal values: two thresholds may have both.
        self._counts = f"states_{identify(asked)[:12]}"
        self.add_state(self._counts, torch.zeros(len(_STATES), dtype=torch.long), "sum")

    def update(
        self,
        *given: Any,
        correct: torch.Tensor | None = None,
        valid: torch.Tensor | None = None,
        known: torch.Tensor | None = None,
        logits: torch.Tensor | None = None,
        labels: torch.Tensor | None = None,
        relevance: torch.Tensor | None = None,
        masks: torch.Tensor | Sequence[torch.Tensor | None] | None = None,
        preds: torch.Tensor | None = None,
        target: torch.Tensor | None = None,
    ) -> None:
        """Count a batch: ``correct, valid``, or ``logits, labels, relevance, masks``.

        ``correct`` and ``valid`` (B,) bool: the prediction equals the label, the evidence is sound.
        ``logits`` (B, K), ``labels`` (B,) of whole numbers, ``relevance`` (B, rows, columns), not
        negative, ``masks`` (B, H, W) bool of the whole that a map covers, or a list of (H, W) with
        None where there is no mask. ``known`` (B,) bool is False there: such an image counts in
        accuracy alone. ``preds`` and ``target`` are what torchmetrics calls logits and labels. All
        may be given in this order, with ``known`` as the last, or by name.
        """
        batch = read_batch(
            given,
            correct=correct,
            valid=valid,
            known=known,
            logits=logits,
            labels=labels,
            relevance=relevance,
            masks=masks,
            preds=preds,
            target=target,
        )
        found = self._judge(batch) if isinstance(batch, Unjudged) else batch
        right, sound, seen = found.correct, found.valid, found.known
        states = (
            right & sound & seen,
            right & ~sound & seen,
            ~right & sound & seen,
            ~right & ~sound & seen,
            right & ~seen,
            ~right & ~seen,
        )
        counts = self._states + torch.stack([state.sum() for state in states])
        setattr(self, self._counts, counts)

    def compute(self) -> dict[str, torch.Tensor]:
        """Return accuracy, pt and ir, and the number of images of each state, as tensors of ().

        All are float64, float32 on Apple's MPS, as loggers take floats alone. Each share has its
        Wilson interval at the level asked for as, say, ``pt_low`` and ``pt_high``. A share of
        nothing is NaN, for a tensor has no None: look at the counts. RU and WU are right and wrong
        predictions whose evidence is unknown.
        """
        counts = dict(zip(_STATES, self._states.tolist(), strict=True))
        found: dict[str, float | None] = {}
        for name, parts in _SHARES.items():
            above, below = (sum(counts[state] for state in part) for part in parts)
            found[name] = above / below if below else None
            if self._level is not None:
                ends = wilson_interval(above, below, self._level)
                found |= zip((f"{name}_low", f"{name}_high"), ends, strict=True)
        place = self._states.device
        exact = torch.float32 if place.type == "mps" else torch.float64
        return {
            name: torch.tensor(torch.nan if value is None else value, dtype=exact, device=place)
            for name, value in (found | counts).items()
        }

    @property
    def _states(self) -> torch.Tensor:
        counts: torch.Tensor = getattr(self, self._counts)
        return counts

    def _judge(self, batch: Unjudged) -> Judged:
        """Return outcomes where the logits are."""
        place = batch.logits.device
        right = batch.logits.argmax(dim=1) == batch.labels.to(place)
        valid = torch.zeros(len(right), dtype=torch.bool)
        if batch.known.any():
            maps, _ = scale_maps(batch.relevance)  # rounded as a study's are when they are stored
            present = batch.known.tolist()
            valid = judge_batch(self._validator, maps, batch.masks, present, str(place)).valid
        return Judged(right, valid.to(place), batch.known.to(place))
