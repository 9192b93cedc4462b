"""Two cells of any runs compared, or the cells of a set of seeds with those of another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rateval.errors import RatevalError
from rateval.records.run import RunRecord
from rateval.records.scores.cell import CellRecord
from rateval.records.scores.estimate import Estimate, estimate_share, spread
from rateval.registry.registry import Registry
from rateval.scoring.across.likeness import (
    Place,
    Sharing,
    find_other_view,
    require_same_data,
    require_same_view,
)
from rateval.scoring.across.parts import SharedMetric, share_metrics, share_validator
from rateval.scoring.across.units import Asked, UnitReader, Units, find_dataset
from rateval.scoring.compared import Compared
from rateval.scoring.comparing import compare_repeated, count_transitions
from rateval.scoring.units.sharing import number_shared
from rateval.stats.clusters import clustered_share

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Side = tuple[RunRecord, Sequence[CellRecord]]
"""A run, and its cells that are compared: one, or one for each seed."""


@dataclass(frozen=True, slots=True)
class MetricAcross:
    """One metric of both sides, on the units that both have."""

    label: str
    """In our spec."""
    heading: str
    ours: Estimate
    theirs: Estimate
    difference: Compared | None
    """Ours minus theirs, ``value`` with ``low`` and ``high`` at the level asked for, two-sided
    ``p``; ``beyond(margin)`` is the one-sided p of a fall by the margin or more, ``opposite`` of a
    rise. None where either is undefined."""


@dataclass(frozen=True, slots=True)
class Across:
    """Two sides compared by one validator."""

    metrics: tuple[MetricAcross, ...]
    left_out: Mapping[str, str]
    """Label of a metric that could not be compared to why."""
    pairs: tuple[tuple[Units, Units], ...]
    """Units of ours and of theirs, one pair for each seed."""
    seeds: tuple[tuple[int | None, int | None], ...]
    """Of each pair."""
    sharing: tuple[Sharing, ...]
    """Of each pair."""
    other_view: str
    """How the views differ; else empty."""
    validators: tuple[str, str]
    """Label of ours, and of theirs."""

    @property
    def transitions(self) -> NDArray[np.float64]:
        """Units by our state and by theirs, mean over the pairs, as ``count_transitions``."""
        return count_transitions([(one.images, other.images) for one, other in self.pairs])


def compare_cells(
    ours: Side,
    theirs: Side,
    validator: str,
    level: float,
    registry: Registry,
    *,
    cluster: str = "none",
    different_view: bool = False,
    reader: UnitReader | None = None,
) -> Across:
    """Compare cells of one run, ours, with those of another or of the same, theirs.

    ``validator`` is a label of our spec, ``level`` that of the intervals, ``cluster`` what counts
    in place of units: ``none``, ``class``, ``sample`` or a group of the dataset. Each side is one
    cell, or the cells that differ in their seed only: those are paired by ``pair_seeds``. Each
    metric of both comes with our value, theirs and their difference, paired unit by unit, or by
    samples where units are each cell's own. A ``reader`` given to several calls reads each cell
    once.
    Raises DataError where the units are other ones, ViewError where the models see other parts of
    them and ``different_view`` isn't set, and RatevalError where the other run doesn't judge alike,
    no metric is left, or what is stored is gone; each says what and why.
    """
    reader = reader or UnitReader()
    shared = share_metrics(ours[0], theirs[0], registry, validator)
    judging = validator, share_validator(ours[0], theirs[0], validator)
    places = pair_seeds(ours, theirs)
    pairs = _read(places, judging, shared.metrics, cluster, reader)
    both = list(zip(places, pairs, strict=True))
    sharing = tuple(require_same_data(*place, *units) for place, units in both)
    for place, units in both if not different_view else ():
        require_same_view(*place, *units)
    metrics, unfit = _count(places, pairs, shared.metrics, validator, level)
    left_out = {**shared.left_out, **unfit}
    if not metrics:
        raise _explain_none(ours[0], theirs[0], left_out)
    views = (find_other_view(*units) for units in pairs)
    return Across(
        tuple(metrics),
        left_out,
        tuple(pairs),
        tuple((one[1].key.seed, other[1].key.seed) for one, other in places),
        sharing,
        next(filter(None, views), ""),
        judging,
    )


def _explain_none(ours: RunRecord, theirs: RunRecord, left_out: Mapping[str, str]) -> RatevalError:
    told = "; ".join(f'"{label}": {why}' for label, why in left_out.items())
    return RatevalError(
        f"{ours.place} and {theirs.place}: no metric of both can be compared: "
        f"{told or 'there is none'}; run one of them again with a metric of the other"
    )


def _read(
    places: Sequence[tuple[Place, Place]],
    judging: tuple[str, str],
    metrics: Sequence[SharedMetric],
    cluster: str,
    reader: UnitReader,
) -> list[tuple[Units, Units]]:
    mine = Asked(judging[0], tuple((one.label, one.choice) for one in metrics), cluster)
    others = Asked(judging[1], tuple((one.theirs, one.choice) for one in metrics), cluster)
    return [(reader.read(*one, mine), reader.read(*other, others)) for one, other in places]


def _count(
    places: Sequence[tuple[Place, Place]],
    pairs: Sequence[tuple[Units, Units]],
    shared: Sequence[SharedMetric],
    validator: str,
    level: float,
) -> tuple[list[MetricAcross], dict[str, str]]:
    """Return each metric on the units of both, and why one could not be compared."""
    tests = {find_dataset(*place).whole_test for pair in places for place in pair}
    images = [(one.images, other.images) for one, other in pairs]
    compared = compare_repeated(images, level, shared=len(tests) == 1)
    metrics: list[MetricAcross] = []
    unfit: dict[str, str] = {}
    for at, (metric, difference) in enumerate(zip(shared, compared, strict=True)):
        why = _explain_unfit(at, pairs)
        if why:
            unfit[metric.label] = why
            continue
        values = [[_value(pair, side, at, level) for pair in pairs] for side in (0, 1)]
        mine, others = (_over_pairs(found, level) for found in values)
        heading = _heading(places[0][0], validator, metric)
        metrics.append(MetricAcross(metric.label, heading, mine, others, difference))
    return metrics, unfit


def pair_seeds(ours: Side, theirs: Side) -> list[tuple[Place, Place]]:
    """Return cells of both sides that are compared with one another, at least one pair.

    Equal seeds go together, and a cell that depends on none goes with each. Where no seed is in
    both, they go together in their order, as far as both have one.
    """
    (run, cells), (other_run, other_cells) = ours, theirs
    equal = [
        ((run, one), (other_run, other))
        for one in cells
        for other in other_cells
        if len({one.key.seed, other.key.seed} - {None}) < 2
    ]
    return equal or [
        ((run, one), (other_run, other)) for one, other in zip(cells, other_cells, strict=False)
    ]


def _explain_unfit(at: int, pairs: Sequence[tuple[Units, Units]]) -> str:
    """Return why a metric can't be compared, though both runs have it; empty where it can."""
    units = [side for pair in pairs for side in pair]
    if any(at in one.odd for one in units):
        return "counted again it differs from what is stored: its component has changed since"
    if any(one.images.tables[at] is None for one in units):
        return "it is no sum over units, or failed in one of the runs"
    return ""


def _value(pair: tuple[Units, Units], side: int, at: int, level: float) -> Estimate:
    """Return the score of one side on the units of both, as its own run counts its interval."""
    images, others = (pair[which].images.comparable for which in (side, 1 - side))
    chosen = images.among(others.positions)
    ratio = images.ratio(at, chosen)
    assert ratio is not None  # else it was left out before
    value = estimate_share(round(ratio.above), round(ratio.below), level)
    cluster = number_shared(images, chosen)
    if cluster is None:
        return value
    found = clustered_share(ratio, cluster, level)
    ends = (None, None) if found is None else (found.low, found.high)
    return value.model_copy(update={"low": ends[0], "high": ends[1], "over": "clusters"})


def _over_pairs(values: Sequence[Estimate], level: float) -> Estimate:
    if len(values) == 1:
        return values[0]
    return spread([value.value for value in values], level).cut(0)


def _heading(place: Place, validator: str, metric: SharedMetric) -> str:
    evidence = place[1].by(validator)
    score = None if evidence is None else evidence.score(metric.label)
    return metric.label if score is None else score.heading
