"""A split that lists what it holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from rateval.api.protocols import Split


class ListedSplit(Split, Protocol):
    """A split that tells what its samples are without reading any; splits need not.

    Each of these may be missing. With ids and labels some of its samples, as ``limit`` takes, are
    drawn in proportion to their classes. Reports give every score by each of the groups: by camera,
    by site, by patient.
    """

    @property
    def ids(self) -> Sequence[str]:
        """Ids of all samples, in the order of the split, as the samples have them."""
        ...

    @property
    def labels(self) -> Sequence[int]:
        """Labels of all samples, in the order of the split, as the samples have them."""
        ...

    @property
    def groups(self) -> Mapping[str, Sequence[str | None]]:
        """Name of what samples have in common, such as ``camera``, to one value per sample.

        They are in the order of the split. None is a value that is not known. A name is one line of
        at most 64 characters.
        """
        ...

    @property
    def at_once(self) -> int:
        """How many samples are best asked for at once; one where a split doesn't say.

        Images are read one by one, so that few whole ones are held. Where they are small, and much
        quicker to make together (drawn in one go, or rows of one block), this is how many.
        """
        ...

    def look_ahead(self, indices: Sequence[int]) -> None:
        """Hear which samples will be asked for soon, in that order, and return at once.

        It is for what lies elsewhere, and may begin to be fetched. What goes wrong shows when the
        sample is read.
        """
        ...
