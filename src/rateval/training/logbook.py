"""A logbook on disk: what training reports, and what an interrupted one goes on from."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import safetensors
import safetensors.torch

from rateval.api.protocols import Classifier
from rateval.api.training import Monitor
from rateval.api.values import Epoch

if TYPE_CHECKING:
    import torch

Examine = Callable[[Classifier], Mapping[str, float | None]]
"""Score a classifier on the samples held out."""

_STATE, _TOLD = "state.safetensors", "told"


class FolderLogbook:
    """A ``rateval.api.Logbook``: progress on a monitor, the rest in a folder.

    The state is one file, tensors and their facts, which the next one replaces at once:
    an interruption while a state is written leaves the one before.
    """

    def __init__(
        self,
        monitor: Monitor,
        folder: Path,
        examine: Examine | None = None,
        examined: tuple[str, ...] = (),
    ) -> None:
        self._monitor = monitor
        self._folder = folder
        self._examine = examine
        self.examined = examined
        self.epochs: list[Epoch] = []
        """The curve so far, with what was resumed."""
        self.told: dict[str, Any] = {}
        """What else was kept by ``tell``; a training that goes on keeps it again."""

    def begin(self, total: int) -> None:
        """Announce the number of samples."""
        self._monitor.begin(total)

    def advance(self, samples: int, note: str = "") -> None:
        """Count samples done."""
        self._monitor.advance(samples, note)

    def examine(self, classifier: Classifier) -> Mapping[str, float | None]:
        """Score the classifier on the samples held out; nothing when there are none."""
        return {} if self._examine is None else self._examine(classifier)

    def record(self, epoch: Epoch) -> None:
        """Add an epoch to the curve."""
        self.epochs.append(epoch)

    def tell(self, name: str, value: Any) -> None:
        """Keep a value beside the curve."""
        self.told[name] = value

    def save(self, tensors: Mapping[str, torch.Tensor], facts: Mapping[str, Any]) -> None:
        """Replace the kept state."""
        self._folder.mkdir(parents=True, exist_ok=True)
        kept = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
        state = {"facts": dict(facts), "epochs": [asdict(epoch) for epoch in self.epochs]}
        metadata = {_TOLD: json.dumps(state, allow_nan=False)}
        unfinished = self._folder / f"{_STATE}.part"
        safetensors.torch.save_file(kept, unfinished, metadata)
        unfinished.replace(self._folder / _STATE)

    def resume(self) -> tuple[dict[str, torch.Tensor], dict[str, Any]] | None:
        """Return the kept state and take up its curve, or None."""
        if not (self._folder / _STATE).exists():
            return None
        with safetensors.safe_open(self._folder / _STATE, "pt") as file:
            state = json.loads(file.metadata()[_TOLD])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        self.epochs = [Epoch(**epoch) for epoch in state["epochs"]]
        return tensors, state["facts"]
