"""What a shift may offer besides: to take pieces of a split's other samples."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from rateval.api.protocols import Shift, Split


@runtime_checkable
class ShiftAmong(Protocol):
    """A shift that takes pieces of other samples, such as their backgrounds."""

    def among(self, split: Split) -> Shift:
        """Return the shift as it acts on the samples of a split.

        ``split`` is the whole one, unshifted, of which a study may use some samples: which others a
        sample takes pieces of depends on its id and theirs alone, such as by digests, never on what
        came before. It is asked for once in a process, before the first sample; nothing else is.
        """
        ...
