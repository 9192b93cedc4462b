"""A logbook in memory, to try finetuners and whatever reports progress on."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import torch

from rateval.api.protocols import Classifier, Split
from rateval.api.values import Epoch


class RecordingLogbook:
    """A ``rateval.api.Logbook`` that keeps what it gets, in memory."""

    def __init__(
        self,
        scores: Sequence[Mapping[str, float | None]] = (),
        kept: tuple[dict[str, torch.Tensor], dict[str, Any]] | None = None,
        interrupt_after: int | None = None,
        held_out: Split | None = None,
    ) -> None:
        """``scores`` are what ``examine`` returns, one after the other; none: nothing is held out.

        ``kept`` is what ``resume`` finds; ``interrupt_after`` presses Ctrl-C when that many states
        were saved. ``held_out`` are the samples that a method may choose by.
        """
        self.totals: list[int] = []
        self.done = 0
        self.notes: list[str] = []
        self.epochs: list[Epoch] = []
        self.told: dict[str, Any] = {}
        self.kept = kept
        self.saved = 0
        self.held_out = held_out
        self._scores = list(scores)
        self._interrupt_after = interrupt_after
        self.examined = tuple(scores[0]) if scores else ()

    def begin(self, total: int) -> None:
        """Keep the total."""
        self.totals.append(total)

    def advance(self, samples: int, note: str = "") -> None:
        """Count the samples and keep the note."""
        self.done += samples
        self.notes.append(note)

    def examine(self, classifier: Classifier) -> Mapping[str, float | None]:
        """Return the next of the scores."""
        return self._scores.pop(0) if self._scores else {}

    def record(self, epoch: Epoch) -> None:
        """Keep the epoch."""
        self.epochs.append(epoch)

    def tell(self, name: str, value: Any) -> None:
        """Keep the value."""
        self.told[name] = value

    def save(self, tensors: Mapping[str, torch.Tensor], facts: Mapping[str, Any]) -> None:
        """Keep a copy, as a file would; raise KeyboardInterrupt if that was asked for."""
        copied = {name: tensor.detach().cpu().clone() for name, tensor in tensors.items()}
        self.kept = copied, json.loads(json.dumps(dict(facts), allow_nan=False))
        self.saved += 1
        if self.saved == self._interrupt_after:
            raise KeyboardInterrupt

    def resume(self) -> tuple[dict[str, torch.Tensor], dict[str, Any]] | None:
        """Return what was kept."""
        return self.kept
