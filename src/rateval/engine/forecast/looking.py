"""The datasets of a study, looked over for what may go wrong: masks, classes, number of images."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from rateval.api.protocols import Dataset
from rateval.engine.cell_steps import Graph
from rateval.engine.forecast.masks import MaskCount, count_masks
from rateval.engine.forecast.sizes import probability_bytes
from rateval.engine.sources import limited_test
from rateval.plan.plan import Plan
from rateval.workbench.bench import Workbench


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of predictions that would be stored of a dataset."""

    classes: int
    each: int
    """Bytes of probabilities in one row."""
    rows: int = 0


@dataclass(slots=True)
class Looked:
    """What was found of each dataset that something is to be done with, by its label."""

    masks: dict[str, MaskCount] = field(default_factory=dict)
    rows: dict[str, Rows] = field(default_factory=dict)
    images: dict[str, int] = field(default_factory=dict)


def look_over(plan: Plan, bench: Workbench, graph: Graph, to_do: Collection[str]) -> Looked:
    """Return what there is; a few samples of each test split are read where masks count."""
    found = Looked()
    todo = set(to_do)
    for steps in graph.cells:
        label = steps.cell.dataset.label
        if todo.isdisjoint(step.identity for step in steps):
            continue
        dataset: Dataset = bench.object(steps.cell.dataset, steps.cell.seed)
        test = limited_test(plan, bench, steps.cell)
        count = len(test)
        found.images.setdefault(label, count)
        each = probability_bytes(bench.task(steps.cell.dataset, steps.cell.seed).schema)
        before = found.rows.get(label, Rows(len(dataset.classes), each))
        added = count if steps.infer.identity in todo else 0
        found.rows[label] = Rows(before.classes, each, before.rows + added)
        if label not in found.masks and plan.map_validators:
            found.masks[label] = (
                count_masks(test) if dataset.has_masks else MaskCount(count, count, count)
            )
    return found
