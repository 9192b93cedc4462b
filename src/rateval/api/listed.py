"""A split that lists what it holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from rateval.api.protocols import Split


class ListedSplit(Split, Protocol):
    """A split that knows its samples' ids and labels without reading any; splits need not.

    Some of its samples, as ``limit`` takes, are then drawn in proportion to their classes.
    """

    @property
    def ids(self) -> Sequence[str]:
        """Ids of all samples, in the order of the split, as the samples have them."""
        ...

    @property
    def labels(self) -> Sequence[int]:
        """Labels of all samples, in the order of the split, as the samples have them."""
        ...


class GroupedSplit(ListedSplit, Protocol):
    """A split that also knows what its samples have in common besides their labels.

    Reports give every score by each of these groups: by camera, by site, by patient.
    """

    @property
    def groups(self) -> Mapping[str, Sequence[str | None]]:
        """Name of each group, such as ``camera``, to one value per sample.

        They are in the order of the split. None is a value that is not known. A name is one line of
        at most 64 characters.
        """
        ...
