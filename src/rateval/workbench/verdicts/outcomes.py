"""The outcomes of a cell, from what its stages stored."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from rateval.api.values import Outcomes
from rateval.errors import RatevalError
from rateval.store import rows as tables
from rateval.store.tables.samples import has_samples

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

_ROUNDING = 1e-6
"""What a share in float32 may lack to the one that was asked for."""


@dataclass(frozen=True, slots=True)
class Edited:
    """The answers to edited images that a cell's classifier gave, and when one counts as kept."""

    folder: Path
    keep: float
    """Share of the versions with another background on which an answer has to stay."""


def read_outcomes(inferred: Path, judged: Path, edited: Edited | None = None) -> Outcomes:
    """Return which stored predictions are correct, and which of their verdicts are valid.

    Of an image that has no mask in the model's view nothing is known but the prediction. With
    ``edited`` answers they tell as well which predictions hang on the object. Raises RatevalError
    where those are of other images.
    """
    # Probabilities are most of the bytes, and nobody asks for them here.
    rows = tables.read_rows(inferred, ["id", "correct", "mask_area"])
    told = tables.has_column(judged, tables.KNOWN)
    verdicts = tables.read_rows(judged, ["id", "valid", *([tables.KNOWN] if told else [])])
    assert rows.column("id").equals(verdicts.column("id"))  # both are written in one order
    known = rows.column("mask_area").is_valid().to_numpy()  # 0 for an empty mask
    if told:  # an image without a mask is none that is known; a verdict from elsewhere has no mask
        known = verdicts.column(tables.KNOWN).to_numpy()
    outcomes = Outcomes(
        rows.column("correct").to_numpy(), verdicts.column("valid").to_numpy(), known
    )
    if edited is not None:
        answers = read_answers(edited.folder, rows.column("id"))
        causal, causal_known = find_causal(answers, edited.keep)
        outcomes = replace(outcomes, causal=causal, causal_known=causal_known)
    for values in (outcomes.correct, outcomes.valid, known, outcomes.causal, outcomes.causal_known):
        if values is not None:
            values.flags.writeable = False  # every metric counts them, and none may change them
    return outcomes


def read_answers(folder: Path, ids: pa.ChunkedArray) -> pa.Table:
    """Return the answers to edited images. Raises RatevalError where their ids are others."""
    answers = tables.read_rows(folder)
    if answers.column("id").equals(ids):
        return answers
    raise RatevalError(
        "the images that were edited are not those that were explained: the data changed, or a "
        "file can no longer be read; run again with --fresh"
    )


def find_causal(answers: pa.Table, keep: float) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return which answers stay with the object and go without it, and of which that is known.

    Both are (N,); what is not known is False.
    """
    known: NDArray[np.bool_] = answers.column("undefined").is_null().to_numpy()
    kept = answers.column("kept_on_object").fill_null(0.0).to_numpy()
    without = answers.column("kept_without_object").fill_null(True).to_numpy()
    causal: NDArray[np.bool_] = known & (kept >= keep - _ROUNDING) & ~without
    return causal, known


def read_predictions(inferred: Path) -> dict[str, tuple[int, str]]:
    """Return what was predicted of each stored image, by its id: a number, and what was written.

    The text is empty where a task writes none.
    """
    written = ["output"] if tables.has_column(inferred, "output") else []
    rows = tables.read_rows(inferred, ["id", "prediction", *written])
    texts = rows.column("output").to_pylist() if written else [""] * len(rows)
    numbers = rows.column("prediction").to_pylist()
    return dict(zip(rows.column("id").to_pylist(), zip(numbers, texts, strict=True), strict=True))


def read_positions(inferred: Path) -> NDArray[np.int64]:
    """Return the position of each stored prediction in the test split, (N,) int64.

    Where rows are of units it is their own number, which is ascending, too.
    """
    positions: NDArray[np.int64] = tables.read_rows(inferred, ["index"]).column(0).to_numpy()
    return positions


def read_sample_positions(inferred: Path) -> NDArray[np.int64]:
    """Return the position of each stored prediction's sample in the test split, (N,) int64."""
    if not has_samples(inferred):
        return read_positions(inferred)
    column = tables.read_rows(inferred, [tables.POSITION]).column(0)
    positions: NDArray[np.int64] = column.to_numpy()
    return positions


def read_labels(inferred: Path) -> NDArray[np.int64]:
    """Return the class of each stored prediction's image, (N,) int64."""
    column = tables.read_rows(inferred, ["label"]).column(0)
    labels: NDArray[np.int64] = column.to_numpy().astype(np.int64)
    return labels
