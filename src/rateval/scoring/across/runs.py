"""Runs compared on the units that they share: every cell that pairs up, as one record."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import mean

from rateval.api.component import EDITS
from rateval.errors import RatevalError
from rateval.records.compare import (
    ApartRecord,
    ComparedRunRecord,
    CompareRecord,
    MetricPairRecord,
    PairRecord,
)
from rateval.records.run import RunRecord
from rateval.records.scores.grouping import group_by
from rateval.registry.registry import Registry
from rateval.scoring.across.apart import find_apart
from rateval.scoring.across.cells import Across, MetricAcross, compare_cells
from rateval.scoring.across.changed import list_changed
from rateval.scoring.across.likeness import DataError, ViewError
from rateval.scoring.across.matching import Chosen, Group, Matched, list_groups, match_cells
from rateval.scoring.across.parts import find_part
from rateval.scoring.across.units import UnitReader
from rateval.scoring.comparisons import (
    find_shown,
    name_states,
    record_difference,
    whole_count,
)
from rateval.stats.multiple import correct


@dataclass(frozen=True, slots=True)
class Options:
    """What a comparison of runs is asked for."""

    pair: Sequence[Chosen] = ()
    """Which cells, as ``match_cells`` has it."""
    different_view: bool = False
    level: float | None = None
    """Of the intervals; None for the baseline's."""
    margin: float | None = None
    """A change that would not matter; None for the baseline's."""
    changed: int | None = 10
    """Units that changed their quadrant that each pair lists; None for all."""


@dataclass(frozen=True, slots=True)
class _Found:
    """One pair of cells, compared by one validator."""

    run: int
    matched: Matched
    attribution: str | None
    across: Across


def compare_runs(runs: Sequence[RunRecord], registry: Registry, options: Options) -> CompareRecord:
    """Compare each later run with the first, the baseline.

    Intervals, clusters and the correction are those of the baseline's ``[statistics]``, unless
    ``options`` say otherwise. Raises RatevalError with every reason where data or views of a pair
    differ, no cell pairs up, or nothing could be compared.
    """
    if len(runs) < 2:
        raise RatevalError("compare: takes two runs or more, the baseline first; name another one")
    comparing = _Comparing(runs, registry, options)
    found = [one for number in range(1, len(runs)) for one in comparing.run(number)]
    if comparing.refused or not found:
        raise RatevalError("\n".join(dict.fromkeys(comparing.refused or comparing.left_out)))
    alone, apart = list[str](), list[ApartRecord]()
    for number, record in enumerate(runs[1:], start=1):
        apart += find_apart(number, record, runs[0])
        if not options.pair:
            matched = match_cells(record, runs[0])
            alone += _list_alone(record, [ours for ours, _ in matched])
            alone += _list_alone(runs[0], [theirs for _, theirs in matched])
    return CompareRecord(
        level=comparing.level,
        cluster=comparing.cluster,
        margin=comparing.margin,
        runs=tuple(map(_describe, runs)),
        apart=tuple(apart),
        pairs=tuple(comparing.record(found)),
        alone=tuple(dict.fromkeys(alone)),
        left_out=tuple(dict.fromkeys(comparing.left_out)),
    )


class _Comparing:
    """One comparison of runs, and what became of its pairs."""

    def __init__(self, runs: Sequence[RunRecord], registry: Registry, options: Options) -> None:
        asked = runs[0].spec_resolved.get("statistics", {})
        self._runs, self._registry, self._options = runs, registry, options
        self._reader = UnitReader()
        self._correction: str = asked.get("correction", "holm")
        self.level = runs[0].level if options.level is None else options.level
        self.margin: float | None = (
            asked.get("margin") if options.margin is None else options.margin
        )
        self.cluster: str = asked.get("cluster", "none")
        self.refused: list[str] = []
        """Why pairs can't be compared: their data or views differ."""
        self.left_out: list[str] = []
        """Why others could not be."""

    def run(self, number: int) -> Iterator[_Found]:
        """Yield each pair of one candidate's cells and the baseline's, by each validator."""
        record, baseline = self._runs[number], self._runs[0]
        judged = set[tuple[object, ...]]()
        for validator in record.labels("evidence"):
            by_edits = find_part(record, "evidence", validator).get("needs") == EDITS
            for ours, theirs in match_cells(record, baseline, self._options.pair):
                key = (validator, ours.key.without("attribution"))
                if by_edits and key in judged:
                    continue  # its verdicts are the same by each attribution
                across = self._compare(ours, theirs, validator)
                if across is not None:
                    judged.add(key)
                    attribution = None if by_edits else ours.key.attribution
                    yield _Found(number, (ours, theirs), attribution, across)

    def _compare(self, ours: Group, theirs: Group, validator: str) -> Across | None:
        sides = (ours.record, ours.cells), (theirs.record, theirs.cells)
        try:
            return compare_cells(
                *sides,
                validator,
                self.level,
                self._registry,
                cluster=self.cluster,
                different_view=self._options.different_view,
                reader=self._reader,
            )
        except (DataError, ViewError) as error:
            self.refused.append(str(error))
        except RatevalError as error:
            self.left_out.append(str(error))
        return None

    def record(self, found: Sequence[_Found]) -> Iterator[PairRecord]:
        """Yield the records, p corrected for all of one dataset, attribution and validator."""
        for table in group_by(found, _table_of):
            differences = [metric.difference for one in table for metric in one.across.metrics]
            every = [one.p for one in differences if one is not None and one.p is not None]
            corrected = correct(every, self._correction)
            for one in table:
                yield self._pair(one, corrected)

    def _pair(self, found: _Found, corrected: Iterator[float]) -> PairRecord:
        across, (ours, theirs) = found.across, found.matched
        counts = across.transitions
        named = name_states(counts)
        stayed = sum(row.get(state, 0) for state, row in named.items())
        changed = list(list_changed(across, self._options.changed))
        return PairRecord(
            run=found.run,
            candidate=ours.key,
            baseline=theirs.key,
            validator=across.validators[0],
            baseline_validator=across.validators[1],
            attribution=found.attribution,
            seeds=across.seeds,
            unpaired=(
                _unpaired(ours, [one for one, _ in across.seeds]),
                _unpaired(theirs, [other for _, other in across.seeds]),
            ),
            count=whole_count(counts.sum()),
            only_candidate=whole_count(mean(one.only_ours for one in across.sharing)),
            only_baseline=whole_count(mean(one.only_theirs for one in across.sharing)),
            own_units=any(one.images.sums is not None for one, _ in across.pairs),
            other_view=across.other_view,
            metrics=tuple(_metric(metric, corrected) for metric in across.metrics),
            left_out=dict(across.left_out),
            transitions=named,
            moved=whole_count(counts.sum() - stayed),
            changed=tuple(changed),
            findings=tuple(
                find_shown(
                    [metric.label for metric in across.metrics],
                    [metric.heading for metric in across.metrics],
                    [metric.difference for metric in across.metrics],
                    self.level,
                    self.margin,
                )
            ),
        )


def _unpaired(group: Group, paired: Sequence[int | None]) -> tuple[int, ...]:
    seeds = (cell.key.seed for cell in group.cells)
    return tuple(seed for seed in seeds if seed is not None and seed not in paired)


def _table_of(found: _Found) -> tuple[str, str | None, str]:
    return found.matched[0].key.dataset, found.attribution, found.across.validators[0]


def _metric(found: MetricAcross, corrected: Iterator[float]) -> MetricPairRecord:
    difference = found.difference
    return MetricPairRecord(
        metric=found.label,
        heading=found.heading,
        baseline=found.theirs,
        candidate=found.ours,
        difference=None
        if difference is None
        else record_difference(found.label, difference, corrected),
    )


def _list_alone(record: RunRecord, matched: Sequence[Group]) -> Iterator[str]:
    keys = {group.key for group in matched}
    for group in list_groups(record):
        if group.key not in keys:
            yield f"{record.place}: {group.name}"


def _describe(record: RunRecord) -> ComparedRunRecord:
    return ComparedRunRecord(
        path=record.place,
        study=record.study,
        status=record.status,
        started=record.started,
        device=record.environment.device,
        seeds=record.seeds,
    )
