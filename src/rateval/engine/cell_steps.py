"""The steps of a plan, by the cells that they belong to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from rateval.plan.cells import Cell
from rateval.records.step import Step


@dataclass(frozen=True, slots=True)
class CellSteps:
    """The steps of one cell."""

    cell: Cell
    finetune: Step
    infer: Step
    judge: tuple[Step, ...]
    """One per validator of the plan."""
    score: tuple[tuple[Step | None, ...], ...]
    """One per validator, with one per metric of the plan; None where it has nothing to count."""
    thresholds: tuple[Step | None, ...]
    """One per validator; None for one that judges no maps."""
    counterfactual: Step | None
    faithfulness: Step | None

    def __iter__(self) -> Iterator[Step]:
        yield from (self.finetune, self.infer)
        edited = () if self.counterfactual is None else (self.counterfactual,)
        waiting = {step.identity: step for step in edited}
        for judge, scores, counted in zip(self.judge, self.score, self.thresholds, strict=True):
            # What stored maps tell is there before edits are tried.
            for step in filter(None, (judge, *scores, counted)):
                if waiting.keys().isdisjoint(step.needs):
                    yield step
                else:
                    waiting[step.identity] = step
        yield from waiting.values()
        if self.faithfulness is not None:
            yield self.faithfulness


@dataclass(frozen=True, slots=True)
class PairSteps:
    """The step that compares two cells which differ in their explainer."""

    first: CellSteps
    second: CellSteps
    agree: Step


@dataclass(frozen=True, slots=True)
class Graph:
    """Every step of a plan, each once, and the cells that they belong to."""

    steps: Mapping[str, Step]
    """Identity to step, each after those that it needs."""
    cells: tuple[CellSteps, ...]
    agreements: tuple[tuple[PairSteps, ...], ...]
    """One group per classifier, test and pair of explainers, with a pair for each seed."""
    sharing: Mapping[str, tuple[CellSteps, ...]] = field(default_factory=dict)
    """Identity of an explanation to the cells, its own among them, that are explained from one
    pass; what has none explains by itself."""
