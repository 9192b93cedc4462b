"""Maps as the gallery draws them: those of images, and those of single tokens of an answer."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rateval.records.run import RunRecord
    from rateval.records.scores.cell import CellRecord

Piece = list[str]
"""A part of a text; a token is followed by its map, as ``quantise`` writes one."""
_FLAT = 1e-6
"""Share of a map's values up to which their spread is rounding, as where they are judged."""


def quantise(relevance: NDArray[np.float16]) -> str:
    """Return a (rows, cols) map as base64 of a byte per patch, its range stretched to 0 to 255.

    The heat map that is judged is stretched to its own range, too, so that nothing is lost but
    depth. A constant map, or one that holds no numbers, is all zeros.

    >>> base64.b64decode(quantise(np.array([[0.5, 1.0], [0.75, 0.5]], dtype=np.float16))).hex()
    '00ff8000'
    """
    exact = relevance.astype(np.float64)
    low, high = float(exact.min()), float(exact.max())
    spread = high - low
    if not spread > _FLAT * max(abs(low), abs(high)) or not np.isfinite(spread):
        return base64.b64encode(bytes(exact.size)).decode()
    steps = np.rint((exact - low) * (255 / spread)).astype(np.uint8)
    return base64.b64encode(steps.tobytes()).decode()


def read_tokens(
    record: RunRecord, cell: CellRecord, ids: Sequence[str | None]
) -> list[list[Piece] | None] | None:
    """Return the pieces of what a cell answered to each of some units, None where it has no maps.

    None in place of all where the run keeps no maps of single tokens of it. Raises RatevalError
    when these are gone.
    """
    table = record.tokens_of(cell)
    if table is None:
        return None
    wanted = set(ids)
    rows = {row["id"]: row for row in table.to_pylist() if row["id"] in wanted}
    found = [None if name is None else rows.get(name) for name in ids]
    return [None if row is None or row["undefined"] else list(_cut(row)) for row in found]


def _cut(row: Mapping[str, Any]) -> Iterator[Piece]:
    # Here, so that who reads no tokens needn't wait for tables.
    from rateval.store.tables.tokens import unpack_maps

    text, at = row["text"], 0
    maps = unpack_maps(row["relevance"], row["rows"], row["cols"])
    for start, stop, one in zip(row["starts"], row["stops"], maps, strict=True):
        if start > at:
            yield [text[at:start]]
        yield [text[start:stop], quantise(one)]
        at = stop
    if at < len(text):
        yield [text[at:]]
