"""Which cells, pairs and verdicts of a run are exported."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from rateval.errors import Problem, SpecError
from rateval.records.key import Key
from rateval.records.run import RunRecord
from rateval.records.scores.cell import CellRecord, ResultRecord, StoredEvidenceRecord
from rateval.records.scores.comparisons import ComparisonRecord
from rateval.wording import fitting, list_some, meant, suggest

_NEAR = 0.6
"""As ``wording.NEAR``, but for labels of several parts, of which one may be missing."""


@dataclass(frozen=True, slots=True)
class Selection:
    """What of a run was asked for."""

    record: RunRecord
    labels: frozenset[str]
    """Labels of the cells, with and without their seed."""
    validators: tuple[str, ...]
    """In the order of the spec."""

    @property
    def cells(self) -> list[CellRecord]:
        """The cells, one per seed."""
        return [cell for cell in self.record.cells if self.holds(cell.key)]

    @property
    def results(self) -> list[ResultRecord]:
        """The cells, then what cells have in common that differ in their seed only."""
        found: tuple[ResultRecord, ...] = (*self.record.cells, *self.record.over_seeds)
        return [result for result in found if self.holds(result.key)]

    @property
    def comparisons(self) -> list[ComparisonRecord]:
        """Pairs of methods, of which one at least was asked for."""
        return [
            found
            for found in self.record.comparisons
            if found.validator in self.validators
            and (self.holds(found.method) or self.holds(found.against))
        ]

    def holds(self, key: Key) -> bool:
        """Return whether a cell was asked for, by its name."""
        return self.record.label(key) in self.labels

    def evidence(self, cell: CellRecord) -> Iterator[StoredEvidenceRecord]:
        """Yield what the validators say of a cell."""
        return (found for found in cell.evidence if found.validator in self.validators)


def select(
    record: RunRecord, patterns: Sequence[str] = (), validators: Sequence[str] = ()
) -> Selection:
    """Return the cells whose labels fit a pattern, and validators by their labels; all for none.

    Raises SpecError with everything that fits nothing.
    """
    keys = [result.key for result in (*record.cells, *record.over_seeds)]
    labels = list(dict.fromkeys(record.label(key) for key in keys))
    problems: list[Problem] = []
    chosen: set[str] = set()
    for pattern in patterns or ("*",):
        fit = fitting(pattern, labels)
        chosen |= fit
        if not fit and patterns:
            problems.append(Problem(f"--cell {pattern}", _explain_cells(pattern, labels)))
    there = _validators(record)
    for asked in validators:
        if asked not in there:
            what = f"no validator of this run has this label; {suggest(asked, there)}"
            problems.append(Problem(f"--validator {asked}", what))
    if not labels:
        problems.append(Problem(record.place, "holds no cell yet; run its spec again"))
    if problems:
        raise SpecError(problems)
    # Who asks for a cell by one seed asks for its pairs, too, and those over the seeds have none.
    wanted = [name for name in there if not validators or name in validators]
    return Selection(record, frozenset(chosen), tuple(wanted))


def _validators(record: RunRecord) -> list[str]:
    found: Iterable[str] = (e.validator for cell in record.cells for e in cell.evidence)
    judged = dict.fromkeys(found)
    ordered = [name for name in record.labels("evidence") if name in judged]
    return list(dict.fromkeys((*ordered, *judged)))


def _explain_cells(pattern: str, labels: Sequence[str]) -> str:
    hint = meant(pattern, labels, near=_NEAR) or f"there are {list_some(labels) or 'none'}"
    return f"no cell of this run has such a label; {hint}"
