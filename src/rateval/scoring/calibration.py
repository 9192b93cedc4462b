"""How far the confidence of each cell's predictions can be trusted, also by their evidence."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from rateval.records.scores.cell import CalibrationRecord
from rateval.records.scores.confidence import ConfidenceRecord
from rateval.records.scores.estimate import Estimate, spread
from rateval.scoring.comparing import Comparer
from rateval.scoring.judged import Judged
from rateval.stats.confidence import Within, calibration_error, ranking_ability
from rateval.stats.student import t_interval
from rateval.store.rows import has_column, iterate_rows

if TYPE_CHECKING:
    from numpy.typing import NDArray

    _Predictions = tuple[NDArray[np.float64], NDArray[np.bool_]]
    """Confidence, and whether it is correct, of each image."""

_ROWS_AT_ONCE = 4096

_QUADRANTS = {"RR": 7, "RW": 5, "WR": 6, "WW": 4}
"""To their states, as ``Images.maps`` has them."""

_KNOWN = 4
"""The least state of known evidence."""


class Calibrations:
    """The calibration of a run's cells, and of each validator's quadrants, each computed once."""

    def __init__(self, comparer: Comparer) -> None:
        self._comparer = comparer
        self._found: dict[str, CalibrationRecord | None] = {}
        self._by_quadrant: dict[tuple[str, str], ConfidenceRecord | None] = {}
        self._last: tuple[str, _Predictions | None] = "", None
        """Of the cell that was read last: its validators follow one another."""

    def of(self, done: Judged) -> CalibrationRecord | None:
        """Return that of a cell; None where its predictions have no probabilities."""
        identity = done.inferred.identity
        if identity not in self._found:
            read = self._read(done)
            self._found[identity] = read and _calibrate(*read, self._comparer.level)
        return self._found[identity]

    def by_quadrant(self, done: Judged, validator: int) -> ConfidenceRecord | None:
        """Return the confidence of a cell beside the verdicts of a validator.

        None also where there are none, or no image's evidence is known.
        """
        verdict = done.verdicts[validator]
        if verdict is None:
            return None
        key = done.inferred.identity, verdict.identity
        if key not in self._by_quadrant:
            images, read = self._comparer.images.read(done, validator), self._read(done)
            known = images is not None and bool((images.maps >= _KNOWN).any())
            self._by_quadrant[key] = (
                _split(read[0], images.maps, self._comparer.level)
                if images is not None and read is not None and known
                else None
            )
        return self._by_quadrant[key]

    def _read(self, done: Judged) -> _Predictions | None:
        if self._last[0] != done.inferred.identity:
            path = done.inferred.path
            read = _read(path) if has_column(path, "probabilities") else None
            self._last = done.inferred.identity, read
        return self._last[1]


def calibrate_seeds(
    repeated: Sequence[CalibrationRecord], level: float
) -> CalibrationRecord | None:
    """Return the mean over seeds; one alone says what its images say."""
    if len(repeated) < 2:
        return repeated[0] if repeated else None
    return CalibrationRecord(
        error=spread([found.error.value for found in repeated], level).cut(0),
        ability=spread([found.ability.value for found in repeated], level).cut(0),
    )


def split_seeds(repeated: Sequence[ConfidenceRecord], level: float) -> ConfidenceRecord | None:
    """Return the mean over seeds, as ``calibrate_seeds``."""
    if len(repeated) < 2:
        return repeated[0] if repeated else None
    return ConfidenceRecord(
        quadrants={
            name: spread([found.quadrants[name].value for found in repeated], level).cut(0)
            for name in _QUADRANTS
        },
        ability=spread([found.ability.value for found in repeated], level).cut(0),
    )


def _calibrate(
    confidence: NDArray[np.float64], correct: NDArray[np.bool_], level: float
) -> CalibrationRecord | None:
    error = calibration_error(confidence, correct, level)
    if error is None:
        return None
    ability, units = ranking_ability(confidence, correct, level), len(correct)
    return CalibrationRecord(error=_estimate(error, units), ability=_estimate(ability, units))


def _split(
    confidence: NDArray[np.float64], maps: NDArray[np.uint8], level: float
) -> ConfidenceRecord:
    right = np.isin(maps, (_QUADRANTS["RR"], _QUADRANTS["RW"]))
    valid = maps[right] == _QUADRANTS["RR"]
    return ConfidenceRecord(
        quadrants={
            name: _mean(confidence[maps == state], level) for name, state in _QUADRANTS.items()
        },
        ability=_estimate(ranking_ability(confidence[right], valid, level), int(right.sum())),
    )


def _mean(values: NDArray[np.float64], level: float) -> Estimate:
    low, high = t_interval(values.tolist(), level)
    value = float(values.mean()) if len(values) else None
    return Estimate(value=value, low=low, high=high, over="images", count=len(values))


def _read(inferred: Path) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return the probability of each prediction, (N,), and whether it is correct, (N,)."""
    confidence, correct = [np.zeros(0)], [np.zeros(0, np.bool_)]
    columns = ["prediction", "correct", "probabilities"]
    for batch in iterate_rows(inferred, columns, _ROWS_AT_ONCE):
        rows = np.arange(batch.num_rows)
        all_of_them = batch.column("probabilities").flatten().to_numpy().reshape(len(rows), -1)
        chosen = all_of_them[rows, batch.column("prediction").to_numpy()]
        confidence.append(chosen.astype(np.float64))
        correct.append(batch.column("correct").to_numpy(zero_copy_only=False))
    return np.clip(np.concatenate(confidence), 0.0, 1.0), np.concatenate(correct)


def _estimate(found: Within | None, units: int) -> Estimate:
    if found is None:
        return Estimate(value=None, low=None, high=None, over="images", count=0)
    return Estimate(value=found.value, low=found.low, high=found.high, over="images", count=units)
