"""Seconds and bytes of each step of a plan, by what was measured, or is stored, or is written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from rateval.data.groups import list_groups
from rateval.engine.cell_steps import CellSteps, Graph
from rateval.engine.forecast.points import Point, extend_bytes, extend_seconds
from rateval.engine.forecast.sizes import rows_bytes
from rateval.engine.forecast.stored import Kept
from rateval.engine.forecast.trying.trial import Trial
from rateval.engine.forecast.twins import Twin, name_steps
from rateval.engine.sources import limited_test
from rateval.plan.plan import Plan
from rateval.records.step import Step
from rateval.store import rows as tables
from rateval.workbench.bench import Workbench

UNMEASURED = "known after --measure"


@dataclass(frozen=True, slots=True)
class Cost:
    """What a step takes; None is not known."""

    seconds: float | None
    bytes: int | None
    why: str = ""
    """Why something of it is not known."""
    whole: bool = True
    """Whether the bytes are all, rather than the least that it takes."""


class Estimator:
    """The costs of a graph's steps.

    What was measured goes before what is stored of steps of the same kind, and that before a guess
    by the columns that are written.
    """

    def __init__(
        self,
        plan: Plan,
        bench: Workbench,
        graph: Graph,
        units: Mapping[str, int],
        kept: Mapping[str, Kept],
    ) -> None:
        self._plan, self._bench, self._units = plan, bench, units
        self._names = name_steps(graph)
        self._cells: dict[str, CellSteps] = {}
        for steps in graph.cells:
            for step in steps:
                self._cells.setdefault(step.identity, steps)
        self._like: dict[Twin, Point] = {}
        for identity, one in kept.items():
            point = Point(units[identity], one.seconds, one.bytes)
            self._like.setdefault(self._names[identity], point)
        self._guesses: dict[Twin, int | None] = {}

    def cost(self, step: Step, trial: Trial | None) -> Cost:
        """Return what a step takes, by a ``trial`` where there was one."""
        name, units = self._names[step.identity], self._units[step.identity]
        if trial is None:
            return self._unmeasured(step, name, units)
        if name in trial.failed:
            return Cost(None, None, "could not be tried", whole=False)
        if name in trial.fits:
            fit = trial.fits[name]
            if step.demand.processes > 1:
                why = f"trained by {step.demand.processes} processes, and the trial takes one"
                return Cost(None, fit.bytes, why)
            return Cost(fit.seconds, fit.bytes)
        points = trial.points.get(name)
        if not points:
            return Cost(None, None, "what it needs could not be tried", whole=False)
        lends = step.stage == "counterfactual"
        seconds = extend_seconds(points, units, lends=lends)
        return Cost(seconds, extend_bytes(points, units))

    def _unmeasured(self, step: Step, name: Twin, units: int) -> Cost:
        like = self._like.get(name)
        if like is not None and like.units == units:
            return Cost(None, like.bytes)
        if like is not None and step.stage in ("infer", "judge", "counterfactual", "faithfulness"):
            return Cost(None, round(like.bytes * units / max(1, like.units)))
        if name not in self._guesses:
            self._guesses[name] = self._guess(step, units)
        guess = self._guesses[name]
        if step.stage == "infer":
            return Cost(None, guess, f"rows alone: masks and maps are {UNMEASURED}", whole=False)
        if guess is None:
            return Cost(None, None, UNMEASURED, whole=False)
        return Cost(None, guess)

    def _guess(self, step: Step, units: int) -> int | None:
        """Return the bytes of rows whose columns are known, None for what holds something else."""
        cell = self._cells[step.identity].cell if step.identity in self._cells else None
        if cell is None or step.stage not in ("infer", "judge", "counterfactual"):
            return None
        test = limited_test(self._plan, self._bench, cell)
        at_once = self._plan.spec.run.batch_size
        if step.stage == "judge":
            schema, at_once = tables.VERDICTS, units
        elif step.stage == "counterfactual":
            schema = tables.ANSWERS
        else:
            task = self._bench.task(cell.dataset, cell.seed)
            schema = tables.rows_schema(task.schema, list_groups(test))
        return rows_bytes(schema, units, at_once, getattr(test, "ids", None))
