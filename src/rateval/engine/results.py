"""The stored results of a run's steps, as they come in."""

from __future__ import annotations

from collections.abc import Iterator

from rateval.engine.graph import Graph
from rateval.records.step import Step
from rateval.scoring.agreement import Pair
from rateval.scoring.judged import Judged
from rateval.store.store import Stored


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
                    None if steps.faithfulness is None else self._find(steps.faithfulness),
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

    def _find(self, step: Step) -> Stored | None:
        return self._stored.get(step.identity)
