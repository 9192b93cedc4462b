"""How many images each step of a graph goes over."""

from __future__ import annotations

from rateval.engine.cell_steps import CellSteps, Graph
from rateval.engine.sources import limited_test
from rateval.plan.plan import Plan
from rateval.training.fitting import Fitting
from rateval.workbench.bench import Workbench

SHARDED = ("infer", "counterfactual")
"""Stages whose steps fall into shards."""


def count_units(plan: Plan, bench: Workbench, graph: Graph) -> dict[str, int]:
    """Return the images that each step goes over, by its identity.

    Of a training those are the samples that it trains on, once; a method that trains none has 0.
    """
    found: dict[str, int] = {}
    for steps in graph.cells:
        count = len(limited_test(plan, bench, steps.cell))
        for step in steps:
            if step.stage == "finetune" and step.identity not in found:
                found[step.identity] = _count_training(plan, bench, steps)
            elif step.stage == "faithfulness" and plan.spec.faithfulness is not None:
                found[step.identity] = min(count, plan.spec.faithfulness.images)
            else:
                found.setdefault(step.identity, count)
    for pair in (pair for group in graph.agreements for pair in group):
        found[pair.agree.identity] = found[pair.first.infer.identity]
    return found


def _count_training(plan: Plan, bench: Workbench, steps: CellSteps) -> int:
    train, _ = Fitting(plan, bench, steps.cell).parts
    return 0 if train is None else len(train)
