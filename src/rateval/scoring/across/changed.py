"""Units whose quadrant differs between two runs."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from rateval.records.compare import ChangedRecord
from rateval.scoring.across.cells import Across
from rateval.scoring.across.units import Units
from rateval.scoring.comparisons import name_state
from rateval.workbench.verdicts.counting import STATES

_FIELDS = set(ChangedRecord.model_fields)


def list_changed(across: Across, most: int | None) -> Iterator[ChangedRecord]:
    """Yield units whose quadrant differs, so many at most, pair by pair in the order of ids."""
    left = most
    for (one, other), (seed, _) in zip(across.pairs, across.seeds, strict=True):
        for ours, theirs in _find_changed(one, other)[:left]:
            left = None if left is None else left - 1
            # They may be a million: nothing is checked again, and no set is made for each.
            yield ChangedRecord.model_construct(
                _FIELDS,
                seed=seed,
                id=one.ids[ours],
                label=one.classes[one.images.labels[ours]],
                baseline=name_state(int(other.images.states[theirs])),
                candidate=name_state(int(one.images.states[ours])),
                baseline_prediction=other.name_prediction(theirs),
                candidate_prediction=one.name_prediction(ours),
                question=one.name_question(ours),
            )


def _find_changed(one: Units, other: Units) -> list[tuple[int, int]]:
    """Return the places of units in both whose named state differs, by id."""
    _, here, there = np.intersect1d(
        one.images.positions, other.images.positions, assume_unique=True, return_indices=True
    )
    mine, others = (
        np.array([name_state(state) for state in range(STATES)])[units.images.states[at]]
        for units, at in ((one, here), (other, there))
    )
    moved = np.flatnonzero(mine != others)
    places = zip(here[moved].tolist(), there[moved].tolist(), strict=True)
    return sorted(places, key=lambda place: one.ids[place[0]])
