"""A cell's live objects, for the stages that need a live classifier."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from rateval.api.protocols import Attribution, Classifier, Shift, Split
from rateval.api.tasks.task import Posed
from rateval.data.batches import Batch, load_batches
from rateval.machine.memory import Portions, limit_explained

_SMALLER = (
    "take a smaller model, a run.precision of half the size or another device, such as --device cpu"
)


@dataclass(frozen=True, slots=True)
class Shared:
    """Attributions that are explained from one pass."""

    planned: tuple[Attribution, ...]
    """All of a plan for one classifier and one test."""
    wanted: tuple[int, ...]
    """Places of those whose maps are asked for."""


@dataclass(frozen=True, slots=True)
class Job:
    """A cell's live objects. ``device`` and what follows don't change what is computed."""

    classifier: Classifier
    attribution: Attribution | None
    """None where nothing is explained; the first one where several are."""
    split: Split
    """Test split."""
    shift: Shift | None
    task: Posed
    """What is predicted, and when that is correct."""
    device: str
    batch_size: int
    readers: int
    explaining: Portions = field(init=False)
    """How many images are explained at once."""
    predicting: Portions = field(default_factory=lambda: Portions("predicted", _SMALLER))
    """How many images are predicted at once."""
    shared: Shared | None = None
    """What is explained from one pass; None where the attribution explains by itself."""

    def __post_init__(self) -> None:
        most = None
        if self.attribution is not None:
            most = limit_explained(self.device, math.prod(self.classifier.model.grid))
        advice = 'explain fewer layers (such as layers = "last"), or ' + _SMALLER
        object.__setattr__(self, "explaining", Portions("explained", advice, most))

    def batches(self, indices: Sequence[int], *, masks: bool = False) -> Iterator[Batch]:
        """Yield batches of the shifted test images at ``indices``.

        Where what is explained at once shares out a batch, it is one, and nobody waits for more.
        """
        most = self.explaining.most
        at_once = most if most and self.batch_size % most == 0 else self.batch_size
        return load_batches(
            self.split,
            self.classifier.model,
            batch_size=at_once,
            indices=indices,
            masks=masks,
            shift=self.shift,
            readers=self.readers,
            pinned=self.device.startswith("cuda"),
        )
