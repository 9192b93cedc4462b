"""From a requirement and a row of a run to what is known of it, or why nothing is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rateval.errors import PluginError, RatevalError
from rateval.records.results import find_result
from rateval.records.run import RunRecord
from rateval.records.scores.cell import CellRecord
from rateval.records.scores.classes import FEWEST
from rateval.records.scores.estimate import Estimate
from rateval.registry.registry import Registry
from rateval.scoring.across.cells import pair_seeds
from rateval.scoring.across.likeness import Place, require_same_data, require_same_view
from rateval.scoring.across.parts import SharedMetric, share_validator
from rateval.scoring.across.units import find_dataset
from rateval.scoring.gate.changes import find_change, pair_images
from rateval.scoring.gate.choosing import Baseline, Target, pair_up
from rateval.scoring.gate.finding import (
    NO_SUM,
    Asked,
    Found,
    find_share,
    find_value,
    find_worst,
    line_of,
    upwards,
)
from rateval.scoring.gate.lacking import LackingError, lacks
from rateval.scoring.gate.parts import split
from rateval.scoring.gate.reading import Counted, Reader, count_units, share_ids
from rateval.spec.gate import Requirement
from rateval.store.rows import ROWS, read_rows
from rateval.workbench.verdicts.groups import read_groups

if TYPE_CHECKING:
    pass


_OWN_PARTS = "each seed has images of its own, and so parts of its own"
_OWN_UNITS = "a sample has several units, or none, and so it is in no one part"


@dataclass(frozen=True, slots=True)
class Measured:
    """What is known of a requirement on one row."""

    found: Found
    validator: str | None = None
    against: str | None = None
    notes: tuple[str, ...] = ()
    """What else bears on it."""


class Measurer:
    """Measures rows of one run, some of them against a baseline."""

    def __init__(self, record: RunRecord, baseline: Baseline | None, registry: Registry) -> None:
        self._record, self._baseline = record, baseline
        self._reader = Reader(record, registry)

    def counts_predictions(self, one: Requirement) -> bool:
        """Return whether a requirement's metric looks at neither maps nor edits.

        That is tried on the metric itself; one that can't be made here may look at both.
        """
        validator = self._validator(one)
        if validator is None or one.metric not in self._record.labels("metric"):
            return False
        try:
            metric = self._reader.share(self._record, validator, one.metric)
            return not self._reader.looks_at_evidence(metric)
        except RatevalError:
            return False

    def _validator(self, one: Requirement) -> str | None:
        return one.validator or next(iter(self._record.labels("evidence")), None)

    def measure(self, target: Target, one: Requirement) -> Measured:
        """Return what is known; what is missing, failed or gone is told as such."""
        validator = self._validator(one)
        try:
            self._require_whole(target, one, validator)
            if one.compares:
                return self._measure_change(target, one, validator)
            if one.worst is not None:
                return self._measure_worst(target, one, validator)
            return Measured(self._measure_value(target, one, validator), validator)
        except LackingError as lacking:
            return Measured(lacking.found, validator)
        except PluginError as error:
            why = "the metric or what it needs can't be made here"
            return Measured(Found(why=why, told=str(error)), validator)
        except RatevalError as error:
            return Measured(Found(why="what it needs can't be read", told=str(error)), validator)

    def _require_whole(self, target: Target, one: Requirement, validator: str | None) -> None:
        """Raise LackingError unless every cell of a row has a score of the metric."""
        if one.metric not in self._record.labels("metric"):
            raise lacks("the run has no such metric", one.metric, self._record.labels("metric"))
        if len(target.cells) < len(target.keys):
            raise LackingError("it failed, or was not reached: the run has no results of it")
        for cell in target.cells:
            evidence = None if validator is None else cell.by(validator)
            if evidence is None or evidence.score(one.metric) is None:
                raise LackingError("the score failed, or this validator's verdicts have none")

    def _measure_value(self, target: Target, one: Requirement, validator: str | None) -> Found:
        asked = Asked(one.bound, self._record.level)
        if len(target.cells) == 1 and not self._reader.clusters:
            (cell,) = target.cells
            value = _score(cell, validator, one.metric)
            return find_share(value.numerator or 0, value.denominator or 0, cell.count, asked)
        counted = self._count(target.cells, validator, one.metric)
        if counted is None:
            values = [_score(cell, validator, one.metric).value for cell in target.cells]
            defined = [value for value in values if value is not None]
            return Found(sum(defined) / len(defined) if defined else None, why=NO_SUM)
        return find_value(counted, asked, shared=self._share_test(target.cells))

    def _measure_worst(self, target: Target, one: Requirement, validator: str | None) -> Measured:
        if not self._share_test(target.cells):
            raise LackingError(_OWN_PARTS)
        counted = self._count(target.cells, validator, one.metric)
        if counted is None:
            raise LackingError(NO_SUM)
        found, notes = self._find_worst(target, one, [(o, None) for o in share_ids(counted)])
        return Measured(found, validator, notes=notes)

    def _find_worst(
        self,
        target: Target,
        one: Requirement,
        pairs: Sequence[tuple[Counted, Counted | None]],
    ) -> tuple[Found, tuple[str, ...]]:
        """Return the worst part of pairs that are all of the same images, and what to say of it."""
        first, ids = target.cells[0], pairs[0][0].ids
        sides = [side for pair in pairs for side in pair if side is not None]
        if any((side.labels < 0).any() for side in sides):
            raise LackingError(_OWN_UNITS)
        if not all(side.ratio.is_share for side in sides):
            raise LackingError(NO_SUM)
        if one.worst == "class":
            names, codes = list(find_dataset(self._record, first).classes), pairs[0][0].labels
        else:
            names, by_id = self._read_group(first, str(one.worst))
            codes = np.array([by_id[name] for name in ids.tolist()], np.int64)
        parts, left = split(pairs, codes, names)
        if not parts:
            raise LackingError(f"none of its parts has {FEWEST} images that count")
        asked = Asked(line_of(one.rule, one.bound), self._record.level)
        notes = [f"of {len(parts)} with {FEWEST} images that count or more"]
        notes += [f"{left} with fewer are left out"] if left else []
        return find_worst(parts, len(ids), asked, highest=not upwards(one.rule)), tuple(notes)

    def _read_group(self, cell: CellRecord, name: str) -> tuple[list[str], dict[str, int]]:
        """Return the values of a group, and which of them each image has, by its id."""
        inferred = find_result(self._record.path, "infer", cell.identity, ROWS)
        groups = {group.name: group for group in read_groups(inferred)}
        if name not in groups:
            why = "the dataset has no such group to take the worst of"
            raise lacks(why, name, ["class", *groups])
        ids: list[str] = read_rows(inferred, ["id"]).column("id").to_pylist()
        return list(groups[name].values), dict(zip(ids, groups[name].codes.tolist(), strict=True))

    def _measure_change(self, target: Target, one: Requirement, validator: str | None) -> Measured:
        assert self._baseline is not None and validator is not None  # both were looked for
        run = self._baseline.run
        theirs = pair_up(target, self._baseline, self._record)
        if isinstance(theirs, str):
            raise LackingError(theirs)
        places = pair_seeds((self._record, target.cells), (run, theirs))
        key = theirs[0].key.seedless if len(theirs) > 1 else theirs[0].key
        named = key.text(seed=len(run.seeds) > 1) if target.alone else run.label(key)
        metric = self._reader.share(run, validator, one.metric)
        pairs = [self._read_pair(*place, metric, validator) for place in places]
        counted = [(a, b) for a, b in pairs if a is not None and b is not None]
        if len(counted) < len(pairs):
            return Measured(_compare_values(places, validator, metric), validator, named)
        shared = self._share_test(target.cells)
        notes: tuple[str, ...] = ()
        if one.worst is not None:
            found, notes = self._find_worst_change(target, one, counted)
        else:
            asked = Asked(line_of(one.rule, one.bound), self._record.level)
            found = find_change(counted, asked, shared=shared)
        left_out = len(counted[0][0].ids) - (found.total or 0)
        if left_out:
            notes = (*notes, f"{left_out} images that the baseline hasn't are left out")
        return Measured(found, validator, named, notes)

    def _find_worst_change(
        self, target: Target, one: Requirement, counted: Sequence[tuple[Counted, Counted]]
    ) -> tuple[Found, tuple[str, ...]]:
        if not self._share_test(target.cells):
            raise LackingError(_OWN_PARTS)
        return self._find_worst(target, one, pair_images(counted, shared=True))

    def _read_pair(
        self, ours: Place, theirs: Place, metric: SharedMetric, validator: str
    ) -> tuple[Counted | None, Counted | None]:
        """Return both cells by their images. Raises RatevalError where these are not the same."""
        assert self._baseline is not None
        evidence = self._reader.looks_at_evidence(metric)
        other = validator
        if evidence:
            other = share_validator(ours[0], theirs[0], validator)
        elif theirs[1].by(validator) is None and theirs[1].evidence:
            other = theirs[1].evidence[0].validator  # of predictions all say the same
        one = self._reader.read_units(ours, validator, metric)
        beside = self._reader.read_units(theirs, other, metric)
        require_same_data(ours, theirs, one, beside)
        if evidence and not self._baseline.different_view:
            require_same_view(ours, theirs, one, beside)
        return count_units(one), count_units(beside)

    def _count(
        self, cells: Sequence[CellRecord], validator: str | None, metric: str
    ) -> list[Counted] | None:
        """Return a metric of cells by their images; None where it is no sum over them."""
        assert validator is not None  # it was looked for
        shared = self._reader.share(self._record, validator, metric)
        places = [(self._record, cell) for cell in cells]
        found = [count_units(self._reader.read_units(place, validator, shared)) for place in places]
        there = [one for one in found if one is not None]
        return there if len(there) == len(found) else None

    def _share_test(self, cells: Sequence[CellRecord]) -> bool:
        return len({find_dataset(self._record, cell).whole_test for cell in cells}) == 1


def _score(cell: CellRecord, validator: str | None, metric: str) -> Estimate:
    evidence = None if validator is None else cell.by(validator)
    score = None if evidence is None else evidence.score(metric)
    if score is None:
        raise LackingError("the score failed, or this validator's verdicts have none")
    return score.value


def _compare_values(
    places: Sequence[tuple[Place, Place]], validator: str, metric: SharedMetric
) -> Found:
    changes = []
    for ours, theirs in places:
        one = _score(ours[1], validator, metric.label).value
        other = _score(theirs[1], validator, metric.theirs).value
        if one is not None and other is not None:
            changes.append(one - other)
    return Found(sum(changes) / len(changes) if changes else None, why=NO_SUM)
