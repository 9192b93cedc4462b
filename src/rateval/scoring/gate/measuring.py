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
from rateval.scoring.gate.changes import find_change
from rateval.scoring.gate.choosing import Baseline, Target, match_seeds, pair_up
from rateval.scoring.gate.finding import (
    NO_SUM,
    Asked,
    Found,
    find_share,
    find_value,
    find_worst,
)
from rateval.scoring.gate.reading import Counted, Find, Reader, find_dataset, share_ids
from rateval.spec.gate import Requirement
from rateval.stats.ratio import Ratio
from rateval.store.rows import ROWS
from rateval.wording import list_some
from rateval.workbench.groups import read_groups

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Measured:
    """What is known of a requirement on one row."""

    found: Found
    validator: str | None = None
    against: str | None = None
    notes: tuple[str, ...] = ()
    """What else bears on it."""


class _LackingError(Exception):
    """There is nothing to hold against the bound, with why, and what a name or an error says."""

    def __init__(self, why: str, told: str | None = None) -> None:
        super().__init__(why)
        self.found = Found(why=why, told=told)


class Measurer:
    """Measures rows of one run, some of them against a baseline."""

    def __init__(self, record: RunRecord, baseline: Baseline | None, find: Find) -> None:
        self._record, self._baseline = record, baseline
        self._reader = Reader(record, find)

    def measure(self, target: Target, one: Requirement) -> Measured:
        """Return what is known; what is missing, failed or gone is told as such."""
        validator = one.validator or next(iter(self._record.labels("evidence")), None)
        try:
            self._require_whole(target, one, validator)
            if one.compares:
                return self._measure_change(target, one, validator)
            if one.worst is not None:
                return self._measure_worst(target, one, validator)
            return Measured(self._measure_value(target, one, validator), validator)
        except _LackingError as lacking:
            return Measured(lacking.found, validator)
        except PluginError as error:
            why = "the metric or what it needs can't be made here"
            return Measured(Found(why=why, told=str(error)), validator)
        except RatevalError as error:
            return Measured(Found(why="what it needs can't be read", told=str(error)), validator)

    def _require_whole(self, target: Target, one: Requirement, validator: str | None) -> None:
        """Raise _LackingError unless every cell of a row has a score of the metric."""
        if one.metric not in self._record.labels("metric"):
            there = list_some(self._record.labels("metric"))
            raise _LackingError("the run has no such metric; it has", there)
        if len(target.cells) < len(target.keys):
            raise _LackingError("it failed, or was not reached: the run has no results of it")
        for cell in target.cells:
            evidence = None if validator is None else cell.by(validator)
            if evidence is None or evidence.score(one.metric) is None:
                raise _LackingError("the score failed, or this validator's verdicts have none")

    def _measure_value(self, target: Target, one: Requirement, validator: str | None) -> Found:
        asked = Asked(one.bound, self._record.level)
        if len(target.cells) == 1 and not self._reader.clusters:
            (cell,) = target.cells
            value = _score(cell, validator, one.metric)
            return find_share(value.numerator or 0, value.denominator or 0, cell.count, asked)
        counted = self._count(self._record, target.cells, validator, one.metric)
        if counted is None:
            values = [_score(cell, validator, one.metric).value for cell in target.cells]
            defined = [value for value in values if value is not None]
            return Found(sum(defined) / len(defined) if defined else None, why=NO_SUM)
        return find_value(counted, asked, shared=self._share_test(target.cells))

    def _measure_worst(self, target: Target, one: Requirement, validator: str | None) -> Measured:
        if not self._share_test(target.cells):
            raise _LackingError("each seed has images of its own, and so parts of its own")
        counted = self._count(self._record, target.cells, validator, one.metric)
        if counted is None or not all(one.ratio.is_share for one in counted):
            raise _LackingError(NO_SUM)
        first = target.cells[0]
        if one.worst == "class":
            names = list(find_dataset(self._record, first.key).classes)
            codes = counted[0].labels
        else:
            names, codes = self._read_group(first, str(one.worst))
        ids = counted[0].ids
        counted = share_ids(counted)
        code_of = dict(zip(ids.tolist(), codes.tolist(), strict=True))
        codes = np.array([code_of[name] for name in counted[0].ids.tolist()], np.int64)
        parts, left = _split(counted, codes, names)
        if not parts:
            why = f"none of its parts has {FEWEST} images that count"
            raise _LackingError(why)
        asked = Asked(one.bound, self._record.level)
        total, highest = len(counted[0].ids), one.rule == "at_most"
        notes = [f"of {len(parts)} with {FEWEST} images that count or more"]
        notes += [f"{left} with fewer are left out"] if left else []
        found = find_worst(parts, total, asked, highest=highest)
        return Measured(found, validator, notes=tuple(notes))

    def _read_group(self, cell: CellRecord, name: str) -> tuple[list[str], NDArray[np.int64]]:
        inferred = find_result(self._record.path, "infer", cell.identity, ROWS)
        groups = {group.name: group for group in read_groups(inferred)}
        if name not in groups:
            there = list_some(["class", *groups])
            raise _LackingError("the dataset has no such group to take the worst of; it has", there)
        return list(groups[name].values), groups[name].codes

    def _measure_change(self, target: Target, one: Requirement, validator: str | None) -> Measured:
        assert self._baseline is not None  # a gate that compares names one
        run = self._baseline.run
        theirs = pair_up(target, self._baseline, self._record)
        if isinstance(theirs, str):
            raise _LackingError(theirs)
        if not self._baseline.own:
            self._require_alike(target, one, validator)
        pairs = match_seeds(target.cells, theirs)
        if not pairs:
            raise _LackingError("the baseline has other seeds")
        ours = self._count(self._record, [a for a, _ in pairs], validator, one.metric)
        others = self._count(run, [b for _, b in pairs], validator, one.metric)
        named = run.label(theirs[0].key.seedless if len(theirs) > 1 else theirs[0].key)
        if ours is None or others is None:
            found = _compare_values(pairs, validator, one.metric)
            return Measured(found, validator, named)
        bound = -one.bound if one.rule == "drop_at_most" else one.bound
        asked = Asked(bound, self._record.level)
        shared = self._share_test(target.cells)
        found = find_change(list(zip(ours, others, strict=True)), asked, shared=shared)
        left_out = len(ours[0].ids) - (found.total or 0)
        notes = (f"{left_out} images that only one of both has are left out",) if left_out else ()
        return Measured(found, validator, named, notes)

    def _require_alike(self, target: Target, one: Requirement, validator: str | None) -> None:
        """Raise _LackingError where a label means something else in the other run."""
        assert self._baseline is not None
        other, labels = self._baseline.run, {"shift": target.key.shift}
        labels["metric"] = one.metric
        if self._reader.looks_at_evidence(one.metric):
            labels |= {"evidence": validator, "attribution": target.key.attribution}
        for table, label in labels.items():
            ours, theirs = (_entry(run, table, label) for run in (self._record, other))
            if label is not None and ours != theirs:
                told = f"{table} {label}"
                raise _LackingError(
                    "the baseline has other params, or nothing, under this name", told
                )

    def _count(
        self,
        run: RunRecord,
        cells: Sequence[CellRecord],
        validator: str | None,
        metric: str,
    ) -> list[Counted] | None:
        """Return a metric of cells by their images; None where it is no sum over them."""
        found = [self._reader.read(run, cell, validator, metric) for cell in cells]
        there = [one for one in found if one is not None]
        return there if len(there) == len(found) else None

    def _share_test(self, cells: Sequence[CellRecord]) -> bool:
        return len({find_dataset(self._record, cell.key).test_identity for cell in cells}) == 1


def _score(cell: CellRecord, validator: str | None, metric: str) -> Estimate:
    evidence = None if validator is None else cell.by(validator)
    score = None if evidence is None else evidence.score(metric)
    if score is None:
        raise _LackingError("the score failed, or this validator's verdicts have none")
    return score.value


def _compare_values(
    pairs: Sequence[tuple[CellRecord, CellRecord]], validator: str | None, metric: str
) -> Found:
    changes = []
    for ours, theirs in pairs:
        one, other = (_score(cell, validator, metric).value for cell in (ours, theirs))
        if one is not None and other is not None:
            changes.append(one - other)
    return Found(sum(changes) / len(changes) if changes else None, why=NO_SUM)


def _split(
    counted: Sequence[Counted], codes: NDArray[np.int64], names: Sequence[str]
) -> tuple[list[tuple[str, list[Ratio]]], int]:
    """Return the parts that have images enough by each seed, and how many have too few."""
    parts, left = [], 0
    for code, name in enumerate(names):
        ratios = [one.among(codes == code).ratio for one in counted]
        sizes = [ratio.below for ratio in ratios]
        if min(sizes) > 0 and sum(sizes) / len(sizes) >= FEWEST:
            parts.append((name, ratios))
        else:
            left += 1
    return parts, left


def _entry(run: RunRecord, table: str, label: str | None) -> dict[str, object] | None:
    for entry in run.spec_resolved.get(table, ()):
        if entry["name"] == label:
            return {key: entry.get(key) for key in ("kind", "component", "version", "params")}
    return None
