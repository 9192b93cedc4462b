"""Whether two cells of different runs speak of the same units, seen alike."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rateval.errors import RatevalError
from rateval.records.run import RunRecord
from rateval.records.scores.cell import CellRecord
from rateval.scoring.across.units import Units, find_dataset
from rateval.wording import list_some


class DataError(RatevalError):
    """Two cells whose units are other ones."""


class ViewError(RatevalError):
    """Two cells whose models see other parts of the same images."""


Place = tuple[RunRecord, CellRecord]
"""A cell, and its run."""


@dataclass(frozen=True, slots=True)
class Sharing:
    """Which units two cells have."""

    both: int
    only_ours: int
    only_theirs: int


def require_same_data(ours: Place, theirs: Place, one: Units, other: Units) -> Sharing:
    """Return which units both cells have. Raises DataError where the data are other ones.

    They are the same where the identity of the test split is, whatever a limit leaves of it, and
    every unit that both have has the same class.
    """
    here, there = np.array(one.ids, dtype=object), np.array(other.ids, dtype=object)
    only_ours = here[~one.images.among(other.images.positions)].tolist()
    only_theirs = there[~other.images.among(one.images.positions)].tolist()
    sharing = Sharing(len(here) - len(only_ours), len(only_ours), len(only_theirs))
    names = _name(ours), _name(theirs)
    mine, others = (find_dataset(*place).whole_test for place in (ours, theirs))
    if mine != others:
        raise DataError(
            f'{names[0]}: its test split is "{mine}", and that of {names[1]} is "{others}"; '
            f"{_tell(sharing, only_ours, only_theirs)}; compare cells of the same data: run one of "
            "the studies again on the data of the other"
        )
    if not sharing.both and not _share_samples(one, other):
        raise DataError(
            f"{names[0]} and {names[1]}: have no unit in common: "
            f"{_tell(sharing, only_ours, only_theirs)}; run both with the same limit, or none"
        )
    wrong = _find_relabelled(one, other)
    if wrong:
        raise DataError(
            f"{names[0]}: {len(wrong):,} of {sharing.both:,} units are of another class than in "
            f"{names[1]}: {list_some(wrong)}; the labels were changed: run the older of both again"
        )
    return sharing


def _share_samples(one: Units, other: Units) -> bool:
    """Return whether units that are each cell's own are of samples that both have."""
    mine, others = one.images.sums, other.images.sums
    return mine is not None and others is not None and bool(mine.among(others.positions).any())


def find_other_view(one: Units, other: Units) -> str:
    """Return how the views of two models differ on the units of both; empty where they don't.

    They differ where the size does, or the mask of a unit fills another share of the view.
    """
    if one.view is None or other.view is None:
        return "" if one.view is other.view else "one of them doesn't tell its view"
    if one.view != other.view:
        sizes = (f"{height} × {width} pixels" for height, width in (one.view, other.view))
        return " beside ".join(sizes)
    here = one.images.among(other.images.positions)
    there = other.images.among(one.images.positions)
    mine, others = one.images.areas[here], other.images.areas[there]
    moved = ~((mine == others) | (np.isnan(mine) & np.isnan(others)))
    if not moved.any():
        return ""
    ids = [name for name, is_here in zip(one.ids, here.tolist(), strict=True) if is_here]
    named = [ids[at] for at in np.flatnonzero(moved).tolist()]
    return (
        f"on {len(named):,} of {len(ids):,} units the mask fills another share of what the model "
        f"sees: {list_some(named)}"
    )


def require_same_view(ours: Place, theirs: Place, one: Units, other: Units) -> None:
    """Raise ViewError where the models see other parts of the same images."""
    found = find_other_view(one, other)
    if found:
        raise ViewError(
            f"{_name(ours)} and {_name(theirs)}: the views differ, {found}; what is judged is then "
            "each model's evidence within its own view: accuracy compares as ever, PT and IR "
            "compare models with their views; if that is what you ask, allow it: "
            "--allow-different-view, or different_view=True"
        )


def _name(place: Place) -> str:
    record, cell = place
    return f"{record.place}: {record.label(cell.key)}"


def _tell(sharing: Sharing, only_ours: list[str], only_theirs: list[str]) -> str:
    def some(names: list[str]) -> str:
        return f" ({list_some(names)})" if names else ""

    return (
        f"{sharing.both:,} ids are in both, {sharing.only_ours:,} only in the first"
        f"{some(only_ours)}, {sharing.only_theirs:,} only in the second{some(only_theirs)}"
    )


def _find_relabelled(one: Units, other: Units) -> list[str]:
    here = one.images.among(other.images.positions)
    there = other.images.among(one.images.positions)
    mine, others = one.images.labels[here], other.images.labels[there]
    if one.classes == other.classes:
        wrong = mine != others
    else:
        names, their_names = (np.array(units.classes, dtype=object) for units in (one, other))
        wrong = names[mine] != their_names[others]
    ids = [name for name, is_here in zip(one.ids, here.tolist(), strict=True) if is_here]
    return [ids[at] for at in np.flatnonzero(wrong).tolist()]
