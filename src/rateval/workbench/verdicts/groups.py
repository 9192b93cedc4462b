"""The groups that a cell's images are in, from what infer stored."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rateval.store import rows as tables
from rateval.store.tables.samples import SAMPLES


@dataclass(frozen=True, slots=True)
class Group:
    """One property of the images, such as the camera, and which of its values each has."""

    name: str
    values: tuple[str, ...]
    """Those that any image has, each once, in their order."""
    codes: NDArray[np.int64]
    """(N,) position in ``values`` of each image's, -1 where it is not known."""

    @property
    def distinct(self) -> int:
        """Number of different values."""
        return len(self.values)

    def slices(self) -> Iterator[tuple[str | None, NDArray[np.bool_]]]:
        """Yield each value, and which images have it, (N,) bool; None, not known, comes last."""
        for code, value in enumerate(self.values):
            yield value, self.codes == code
        unknown = self.codes < 0
        if unknown.any():
            yield None, unknown


def read_groups(inferred: Path, *, of_samples: bool = False) -> tuple[Group, ...]:
    """Return the groups that the rows of a prediction hold, in their order; none for most data.

    With ``of_samples`` they are those of samples, where rows are of units.
    """
    table = tables.read_groups(inferred, SAMPLES if of_samples else tables.ROWS)
    return tuple(
        _encode(name, table.column(at).to_pylist()) for at, name in enumerate(table.column_names)
    )


def _encode(name: str, column: list[str | None]) -> Group:
    values = tuple(sorted({value for value in column if value is not None}))
    codes: dict[str | None, int] = {value: code for code, value in enumerate(values)}
    return Group(name, values, np.array([codes.get(value, -1) for value in column], np.int64))
