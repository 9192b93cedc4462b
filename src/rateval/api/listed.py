"""A split that lists what it holds."""

from __future__ import annotations

from collections.abc import Sequence
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
