"""What the gallery shows of one cell: columns over the shown images, and counts of all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from rateval.report.html.gallery_maps import quantise, read_tokens

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

    from rateval.records.run import RunRecord
    from rateval.records.scores.cell import CellRecord

STEPS = 1000
"""Thresholds that a live count knows, above 0: multiples of 0.001."""
TOP = 3
"""Classes of an image whose probability is shown, beside that of its label."""
_PREDICTIONS = ("index", "label", "prediction", "correct", "mask_area")
_SHOWN = ("probabilities", "input", "phrase", "output", "references")
"""Columns that some predictions have, which are shown of single images."""

Columns = dict[str, list[Any]]
"""A name to one JSON value per shown image, None where the cell has no row of it."""


def read_cell(record: RunRecord, cell: CellRecord, shown: NDArray[np.int64]) -> dict[str, Any]:
    """Read of one cell what the page draws; ``shown`` are positions in the test split, (k,).

    The rows and maps of all other images are let go before this returns. Raises RatevalError when
    stored results are gone.
    """
    first = cell.evidence[0].validator
    # Probabilities are most of the bytes, and predictions from elsewhere have none.
    there = record.columns(cell) if len(shown) else frozenset()
    more = [name for name in _SHOWN if name in there]
    rows = record.rows(cell, first, (*_PREDICTIONS, *more))
    places = find_places(rows.column("index").to_numpy(), shown)
    columns: Columns = {}
    whole: dict[str, str] = {}
    if len(shown):
        columns |= _describe_predictions(rows, places)
        columns["answers"] = _read_answers(record, cell, rows, places)
        names = rows.column("id").to_pylist()
        pieces = read_tokens(record, cell, [None if at < 0 else names[at] for at in places])
        columns |= {} if pieces is None else {"tokens": pieces}
        whole = {"whole": "the phrase"} if "phrase" in there else {}
    verdicts: dict[str, Columns] = {}
    curves: dict[str, dict[str, list[int]]] = {}
    for evidence in cell.evidence:
        name = evidence.validator
        if name != first:
            rows = record.rows(cell, name, ("correct", "mask_area"))
        verdicts[name] = _describe_verdicts(rows, places)
        if evidence.curves is not None:
            curves[name] = _count_scores(record, cell, name)
    grid = None
    if len(shown):
        maps = record.relevance(cell)
        grid = list(maps.shape[1:])
        columns["map"] = [None if at < 0 else quantise(maps[at]) for at in places]
    return {"grid": grid, "columns": columns, "verdicts": verdicts, "curves": curves} | whole


def find_places(positions: NDArray[np.int64], shown: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the row of each shown image in a table, (k,), -1 where it has none.

    >>> find_places(np.array([0, 2, 5]), np.array([5, 1, 0])).tolist()
    [2, -1, 0]
    """
    order = np.argsort(positions, kind="stable")
    at = np.searchsorted(positions, shown, sorter=order)
    found = order[np.minimum(at, len(order) - 1)] if len(order) else np.zeros_like(at)
    there = positions[found] == shown if len(order) else np.zeros(len(shown), dtype=bool)
    return np.where(there, found, -1)


def _count_scores(record: RunRecord, cell: CellRecord, validator: str) -> dict[str, list[int]]:
    """Return how many images of all have a score of at least k / 1000, right and wrong apart.

    The first number is that of k = 0; those after it say how many fewer there are by the next k.
    """
    table = record.thresholds(cell, validator)
    thresholds = table.column("threshold").to_numpy()
    at = [int(np.abs(thresholds - k / STEPS).argmin()) for k in range(STEPS + 1)]
    found = {}
    for name in ("correct", "wrong"):
        counts = table.column(name).to_numpy()[at]
        found[name] = [int(counts[0]), *(-np.diff(counts)).tolist()]
    return found


def _describe_predictions(rows: pa.Table, places: NDArray[np.int64]) -> Columns:
    picked = rows.take(np.maximum(places, 0)).to_pylist()
    there = [row if at >= 0 else None for row, at in zip(picked, places, strict=True)]
    columns: Columns = {
        name: [row and row[name] for row in there] for name in ("label", "prediction")
    }
    columns["correct"] = [row and int(row["correct"]) for row in there]
    columns["area"] = [row and _short(row["mask_area"]) for row in there]
    if "probabilities" in rows.column_names:
        columns["top"] = [row and _top(row["probabilities"], row["label"]) for row in there]
    if "output" in rows.column_names:
        # Of a caption, one phrase is asked about.
        asked = "input" if "input" in rows.column_names else "phrase"
        for name, shown in (("input", asked), ("output", "output"), ("references", "references")):
            columns[name] = [row and row.get(shown) for row in there]
        columns["prediction"] = [None] * len(there)  # its text says what it is
    return columns


def _top(probabilities: list[float], label: int) -> list[list[float]]:
    """Return the likeliest classes, and the label, with their probabilities.

    >>> _top([0.125, 0.5, 0.0, 0.25, 0.125], 2)
    [[1, 0.5], [3, 0.25], [0, 0.125], [2, 0.0]]
    """
    order = sorted(range(len(probabilities)), key=lambda number: -probabilities[number])[:TOP]
    order += [] if label in order else [label]
    return [[number, round(probabilities[number], 4)] for number in order]


def _describe_verdicts(rows: pa.Table, places: NDArray[np.int64]) -> Columns:
    by_edits = "known" in rows.column_names
    names = ["score", "valid", "undefined", "mask_area", *(["known"] if by_edits else [])]
    picked = rows.select(names).take(np.maximum(places, 0)).to_pylist()
    columns: Columns = {"score": [], "valid": [], "undefined": []}
    for row, at in zip(picked, places, strict=True):
        known = at >= 0 and row["mask_area"] is not None and row.get("known", True)
        columns["score"].append(_short(row["score"]) if at >= 0 else None)
        columns["valid"].append(int(row["valid"]) if known else None)
        columns["undefined"].append(row["undefined"] if at >= 0 else None)
    return columns


def _read_answers(
    record: RunRecord, cell: CellRecord, rows: pa.Table, places: NDArray[np.int64]
) -> list[Any]:
    """Return how often each answer stays on other backgrounds, whether without object, the gap."""
    if cell.counterfactual is None:
        return [None] * len(places)
    answers = record.answers(cell)
    if len(answers) != len(rows):
        return [None] * len(places)  # the data changed in between: judging them is refused, too
    names = ["kept_on_object", "kept_without_object", "gap", "undefined"]
    return [
        None
        if at < 0
        else [
            _short(row["kept_on_object"]),
            None if row["kept_without_object"] is None else int(row["kept_without_object"]),
            _short(row["gap"]),
            row["undefined"],
        ]
        for row, at in zip(
            answers.select(names).take(np.maximum(places, 0)).to_pylist(), places, strict=True
        )
    ]


def _short(value: float | None) -> float | None:
    """Return the shortest number that is the same in float32.

    >>> _short(float(np.float32(0.1)))
    0.1
    """
    return None if value is None else float(str(np.float32(value)))
