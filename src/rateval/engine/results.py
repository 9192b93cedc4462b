"""The stored results of a run's steps, as they come in."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from types import MappingProxyType

from rateval.engine.cell_steps import Graph
from rateval.records.step import Step
from rateval.scoring.agreement import Pair
from rateval.scoring.judged import Judged
from rateval.store.store import Store, Stored


def find_results(
    graph: Graph,
    store: Store,
    selected: Collection[str],
    known: Mapping[str, Stored] = MappingProxyType({}),
) -> dict[str, Stored]:
    """Return what is stored of a graph's steps; what a step still to be done reads is whole.

    Steps that are ``selected`` will be done where they have no result. What is ``known`` already is
    not looked for.
    """
    found: dict[str, Stored] = dict(known)
    read: set[str] = set()
    for step in reversed([step for step in graph.steps.values() if step.identity not in known]):
        stored = find_result(step, store, selected, whole=step.identity in read)
        if stored is not None:
            found[step.identity] = stored
        elif step.identity in selected:
            read.update(step.needs)
    return found


def find_result(
    step: Step, store: Store, selected: Collection[str], *, whole: bool
) -> Stored | None:
    """Return the stored result of a step; of one not selected, also where nothing is reused."""
    if step.identity in selected:
        return store.fetch(step.stage, step.inputs, whole=whole)
    return store.find(step.stage, step.identity, whole=whole)


class Results:
    """What there is so far of a graph's results, put together cell by cell."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._stored: dict[str, Stored] = {}

    def keep(self, step: Step, stored: Stored) -> None:
        """Take note of the result of a step."""
        self._stored[step.identity] = stored

    def judged(self) -> Iterator[Judged]:
        """Yield what there is of each cell that was predicted and explained."""
        for steps in self._graph.cells:
            finetuned, inferred = self._find(steps.finetune), self._find(steps.infer)
            if finetuned is not None and inferred is not None:
                yield Judged(
                    steps.cell,
                    finetuned,
                    inferred,
                    tuple(map(self._find, steps.judge)),
                    tuple(tuple(map(self._find, scores)) for scores in steps.score),
                    tuple(map(self._find, steps.thresholds)),
                    self._find(steps.counterfactual),
                    self._find(steps.faithfulness),
                )

    def agreements(self) -> Iterator[list[tuple[Pair, Stored]]]:
        """Yield the comparisons of two explainers that there are, group by group."""
        for group in self._graph.agreements:
            found = [(pair, self._find(pair.agree)) for pair in group]
            yield [
                ((pair.first.cell, pair.second.cell), stored)
                for pair, stored in found
                if stored is not None
            ]

    def _find(self, step: Step | None) -> Stored | None:
        return None if step is None else self._stored.get(step.identity)
