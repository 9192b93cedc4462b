"""Cells that cost the same but for their number of images: one is tried for all of them."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from rateval.engine.cell_steps import CellSteps, Graph
from rateval.plan.cells import Cell
from rateval.records.step import Step

Kind = tuple[str, ...]
"""What the cost of a cell's steps hangs on: everything but the seed and how hard a shift is."""


def kind_of(cell: Cell) -> Kind:
    """Return what the cost of a cell's steps hangs on."""
    shift = cell.shift
    key = None if shift is None else shift.shift
    shifted = () if key is None else (str(key.family), str(key.type))
    parts = (cell.model, cell.finetuner, cell.dataset, cell.attribution)
    return (*(choice.identity for choice in parts), *shifted)


def find_representatives(graph: Graph, to_do: Collection[str]) -> dict[Kind, Cell]:
    """Return one cell of each kind that has something to do, in their order."""
    found: dict[Kind, Cell] = {}
    for steps in graph.cells:
        if any(step.identity in to_do for step in steps):
            found.setdefault(kind_of(steps.cell), steps.cell)
    return found


@dataclass(frozen=True, slots=True)
class Twin:
    """A step that is tried, by the kind of its cells and its place among their steps."""

    kinds: tuple[Kind, ...]
    place: tuple[str | int, ...]


def name_steps(graph: Graph) -> dict[str, Twin]:
    """Return what stands for each step of a graph, by its identity."""
    found: dict[str, Twin] = {}
    for steps in graph.cells:
        kind = kind_of(steps.cell)
        for place, step in _places(steps):
            found.setdefault(step.identity, Twin((kind,), place))
    for group in graph.agreements:
        for pair in group:
            kinds = kind_of(pair.first.cell), kind_of(pair.second.cell)
            found.setdefault(pair.agree.identity, Twin(kinds, ("agree",)))
    return found


def _places(steps: CellSteps) -> Iterator[tuple[tuple[str | int, ...], Step]]:
    yield ("finetune",), steps.finetune
    yield ("infer",), steps.infer
    if steps.counterfactual is not None:
        yield ("counterfactual",), steps.counterfactual
    if steps.faithfulness is not None:
        yield ("faithfulness",), steps.faithfulness
    for at, judge in enumerate(steps.judge):
        yield ("judge", at), judge
        counted = steps.thresholds[at]
        if counted is not None:
            yield ("thresholds", at), counted
        for metric, score in enumerate(steps.score[at]):
            if score is not None:
                yield ("score", at, metric), score
