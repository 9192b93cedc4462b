"""A dataset whose training split is shifted, as a study trains on it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

from rateval.api.protocols import Split
from rateval.api.values import Sample, Skipped
from rateval.data.checked import CheckedDataset, CheckedSplit
from rateval.data.checked_shift import CheckedShift
from rateval.data.groups import Groups, list_groups
from rateval.data.looking_ahead import look_ahead
from rateval.data.splits import list_at_once, list_labels


class ShiftedSplit:
    """The samples of a whole split, each shifted; what the shift skips is skipped.

    ``made_by`` names all that determines the shift, and is part of the identity.
    """

    def __init__(self, whole: Split, shift: CheckedShift, made_by: str) -> None:
        self._whole, self._shift = whole, shift.among(whole)
        self.identity = f"{whole.identity} shifted by {made_by}"

    @property
    def ids(self) -> Sequence[str] | None:
        """Ids of the samples, unread; None where the split doesn't list them."""
        return getattr(self._whole, "ids", None)

    @property
    def labels(self) -> Sequence[int] | None:
        """Labels of the samples, unread; None where the split doesn't list them."""
        return list_labels(self._whole)

    @property
    def groups(self) -> Groups:
        """Groups of the samples, unread; empty where the split has none."""
        return list_groups(self._whole)

    @property
    def at_once(self) -> int:
        """How many samples it is asked for at once."""
        return list_at_once(self._whole)

    def __len__(self) -> int:
        return len(self._whole)

    def look_ahead(self, indices: Sequence[int]) -> None:
        """Tell the split which samples will be asked for soon."""
        look_ahead(self._whole, indices)

    def samples(self, indices: Sequence[int]) -> list[Sample | Skipped]:
        """Return the samples at ``indices``, shifted."""
        found = self._whole.samples(indices)
        return [one if isinstance(one, Skipped) else self._shift.apply(one) for one in found]


class TrainShifted:
    """A checked dataset whose training split is shifted; its test split is the very same."""

    def __init__(self, dataset: CheckedDataset, shift: CheckedShift, made_by: str) -> None:
        self._dataset, self._shift, self._made_by = dataset, shift, made_by
        self.classes, self.has_masks = dataset.classes, dataset.has_masks
        self.wordings = dataset.wordings

    @property
    def test(self) -> CheckedSplit:
        """What is predicted."""
        return self._dataset.test

    @cached_property
    def train(self) -> CheckedSplit | None:
        """What to train on, shifted, or None."""
        whole = self._dataset.train
        if whole is None:
            return None
        shifted = ShiftedSplit(whole, self._shift, self._made_by)
        return CheckedSplit(shifted, f"{whole.name}, shifted", len(self.classes))
