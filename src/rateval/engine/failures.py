"""The failures of a run: each cause once, with the cells that lack something because of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from rateval.engine.cell_steps import Graph
from rateval.records.key import Key
from rateval.records.step import FailureRecord, Step

LOADING = "load"
"""Stage of a component that could not be made, whichever step asked for it first."""


class Failures:
    """The failures of a run so far."""

    def __init__(self, graph: Graph) -> None:
        self._cells: defaultdict[str, list[Key]] = defaultdict(list)
        """Step to the cells that it belongs to."""
        for steps in graph.cells:
            for step in steps:
                self._cells[step.identity].append(steps.cell.key)
        for pair in (pair for group in graph.agreements for pair in group):
            self._cells[pair.agree.identity] += [pair.first.cell.key, pair.second.cell.key]
        self._order = {steps.cell.key: place for place, steps in enumerate(graph.cells)}
        self._found: dict[tuple[str, str], FailureRecord] = {}

    def name(self, step: Step, keys: Iterable[Key]) -> None:
        """Take note of the cells that a step belongs to which was not in the graph."""
        self._cells[step.identity] += keys

    @property
    def records(self) -> list[FailureRecord]:
        """The failures, in the order in which they first happened."""
        return list(self._found.values())

    def add(self, step: Step, error: str, culprit: str | None) -> FailureRecord:
        """Take note of a step that failed; return the failure, which others may share."""
        stage, label = (step.stage, step.label) if culprit is None else (LOADING, culprit)
        cause = (label if culprit else stage, error)
        before = self._found.get(cause)
        cells = {*self._cells[step.identity], *(() if before is None else before.cells)}
        self._found[cause] = FailureRecord(
            stage=stage,
            label=label if before is None else before.label,
            error=error,
            cells=tuple(sorted(cells, key=self._order.__getitem__)),
        )
        return self._found[cause]
