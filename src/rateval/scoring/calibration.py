"""How far the confidence of each cell's predictions can be trusted."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from rateval.records.scores.cell import CalibrationRecord
from rateval.records.scores.estimate import Estimate
from rateval.scoring.judged import Judged
from rateval.stats.confidence import Within, calibration_error, ranking_ability
from rateval.store.rows import has_column, iterate_rows

if TYPE_CHECKING:
    from numpy.typing import NDArray

_ROWS_AT_ONCE = 4096


class Calibrations:
    """The calibration of a run's cells, each computed once."""

    def __init__(self, level: float) -> None:
        self._level = level
        self._found: dict[str, CalibrationRecord | None] = {}

    def of(self, done: Judged) -> CalibrationRecord | None:
        """Return that of a cell; None where its predictions have no probabilities."""
        identity = done.inferred.identity
        if identity not in self._found:
            self._found[identity] = self._calibrate(done.inferred.path)
        return self._found[identity]

    def _calibrate(self, inferred: Path) -> CalibrationRecord | None:
        if not has_column(inferred, "probabilities"):
            return None
        confidence, correct = _read(inferred)
        error = calibration_error(confidence, correct, self._level)
        if error is None:
            return None
        ability = ranking_ability(confidence, correct, self._level)
        units = len(correct)
        return CalibrationRecord(error=_estimate(error, units), ability=_estimate(ability, units))


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
