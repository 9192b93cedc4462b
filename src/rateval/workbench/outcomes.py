"""The outcomes of a cell, from what its stages stored."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from rateval.api.values import Outcomes
from rateval.store import rows as tables

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def read_outcomes(inferred: Path, judged: Path) -> Outcomes:
    """Return which stored predictions are correct, and which of their verdicts are valid.

    Of an image that has no mask in the model's view nothing is known but the prediction.
    """
    # Probabilities are most of the bytes, and nobody asks for them here.
    rows = tables.read_rows(inferred, ["id", "correct", "mask_area"])
    verdicts = tables.read_rows(judged, ["id", "valid"])
    assert rows.column("id").equals(verdicts.column("id"))  # both are written in one order
    correct, valid = rows.column("correct").to_numpy(), verdicts.column("valid").to_numpy()
    for values in (correct, valid):
        values.flags.writeable = False  # every metric counts them, and none may change them
    known = rows.column("mask_area").is_valid().to_numpy()  # 0 for an empty mask
    known.flags.writeable = False
    return Outcomes(correct, valid, known)


def read_positions(inferred: Path) -> NDArray[np.int64]:
    """Return the position of each stored prediction in the test split, (N,) int64."""
    positions: NDArray[np.int64] = tables.read_rows(inferred, ["index"]).column(0).to_numpy()
    return positions
