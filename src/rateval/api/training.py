"""How a classifier is made from a model: by fine-tuning that is watched, and kept as it goes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from rateval.api.protocols import Classifier, Model, Split
from rateval.api.values import Epoch

if TYPE_CHECKING:
    import torch


class Monitor(Protocol):
    """A display of how far a long step is."""

    def begin(self, total: int) -> None:
        """Announce the number of samples this step will see."""
        ...

    def advance(self, samples: int, note: str = "") -> None:
        """Count samples done; ``note`` is shown beside them, such as ``loss 0.31``.

        With no sample done, ``note`` is a line of its own.
        """
        ...


class Logbook(Monitor, Protocol):
    """What training reports its progress to, has epochs judged by, and keeps its state in.

    Of several processes that train together, only the first one uses it.
    """

    @property
    def examined(self) -> tuple[str, ...]:
        """Names of the scores that ``examine`` gives; empty when the study holds no samples out."""
        ...

    @property
    def held_out(self) -> Split | None:
        """The samples that ``examine`` scores on, to choose a setting by; None when there are none.

        Nothing may be trained on them.
        """
        ...

    def examine(self, classifier: Classifier) -> Mapping[str, float | None]:
        """Score the classifier as it is on the samples held out, label of a metric to its value.

        A value whose denominator is 0 is None. The classifier's modules are left in eval mode.
        """
        ...

    def record(self, epoch: Epoch) -> None:
        """Add an epoch to the curve that reports draw."""
        ...

    def tell(self, name: str, value: Any) -> None:
        """Keep a JSON value about this training, such as what was chosen and by which scores."""
        ...

    def save(self, tensors: Mapping[str, torch.Tensor], facts: Mapping[str, Any]) -> None:
        """Keep what the next epoch starts from, in place of what was kept before.

        It is kept only so often as takes little of the time, and written later from a copy: hand
        it over after every epoch. ``facts`` are JSON values. The epochs recorded so far are kept
        along.
        """
        ...

    def resume(self) -> tuple[dict[str, torch.Tensor], dict[str, Any]] | None:
        """Return what an interrupted training of the same inputs kept last, on the CPU, or None."""
        ...


class Finetuner(Protocol):
    """A way to make a classifier from a model. Zero-shot is one that trains nothing.

    One that also has ``leaves_weights = True`` never changes a number of the model that ``fit`` and
    ``restore`` get, nor does its classifier: the model then isn't copied for it.
    """

    @property
    def trains(self) -> bool:
        """Whether ``fit`` needs a training split and changes weights."""
        ...

    def fit(
        self, model: Model, train: Split | None, classes: Sequence[str], logbook: Logbook
    ) -> Classifier:
        """Train ``model`` in place (it is this call's own copy) and wrap it."""
        ...

    def restore(
        self, model: Model, classes: Sequence[str], state: dict[str, torch.Tensor]
    ) -> Classifier:
        """Rebuild the classifier that ``fit`` returned from the ``state`` it gave."""
        ...
