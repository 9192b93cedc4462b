"""The steps of a cell that take a model: what all that is judged and counted comes from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from rateval.api.protocols import Dataset, Split
from rateval.data.groups import list_groups
from rateval.data.splits import limit_split
from rateval.errors import RatevalError
from rateval.plan.cells import Cell
from rateval.plan.plan import Plan
from rateval.records.step import Demand, Stage, Step
from rateval.store.identity import identify, identify_result
from rateval.training.fitting import Fitting
from rateval.workbench.bench import Workbench

ON_DEVICE = Demand(device=True)


class Sources(Protocol):
    """Where the steps come from that a cell begins with."""

    def finetune(self, cell: Cell) -> Step:
        """Return the step that leaves the classifier."""
        ...

    def infer(self, cell: Cell, finetune: Step) -> Step:
        """Return the step that predicts and explains."""
        ...

    def counterfactual(self, cell: Cell, finetune: Step) -> Step | None:
        """Return the step that asks a classifier about edited images, whatever explains it."""
        ...

    def faithfulness(self, cell: Cell, finetune: Step, infer: Step) -> Step | None:
        """Return the step that tries the explainer."""
        ...


def limited_test(plan: Plan, bench: Workbench, cell: Cell) -> Split:
    """Return the test split of a cell, as far as the study uses it."""
    dataset: Dataset = bench.object(cell.dataset, cell.seed)
    return limit_split(dataset.test, plan.spec.run.limit, plan.spec.run.limit_by)


def make_step(
    stage: Stage,
    label: str,
    inputs: Mapping[str, Any],
    needs: Sequence[Step],
    demand: Demand = Demand(),  # noqa: B008 - a frozen value
    units: int | None = None,
) -> Step:
    """Return a step by everything that determines its result."""
    identity = identify_result(stage, inputs)
    needed = tuple(step.identity for step in needs)
    return Step(stage, label, identity, inputs, needed, demand, units)


def _with(finetune: Step) -> Demand:
    """Return the demand of a step that needs the classifier of a fine-tuning."""
    return Demand(device=True, affinity=finetune.identity)


class LiveSources:
    """The steps as a plan asks for them, from datasets and models that are there.

    They raise RatevalError where a file that determines a result isn't there.
    """

    def __init__(self, plan: Plan, bench: Workbench) -> None:
        self._plan, self._bench = plan, bench
        self._groups: dict[tuple[str, int | None], str | None] = {}
        """Digests of groups so far, by dataset and seed."""

    def finetune(self, cell: Cell) -> Step:
        """Return the step that leaves the classifier."""
        for choice in cell.choices:
            self._bench.inputs(choice, cell.seed)  # what these lack is no matter of one cell
        try:
            fitting = Fitting(self._plan, self._bench, cell)
            inputs = fitting.inputs
        except RatevalError as error:
            error.args = (f"{cell.label}: {error}",)  # a plugin's own kind of it stays what it is
            raise
        processes = self._plan.spec.run.processes if fitting.trains else 1
        demand = Demand(True, processes, identify_result("finetune", inputs))
        return make_step("finetune", fitting.label, inputs, (), demand)

    def infer(self, cell: Cell, finetune: Step) -> Step:
        """Return the step that predicts and explains."""
        test = limited_test(self._plan, self._bench, cell)
        inputs = {
            "classifier": finetune.identity,
            "test": test.identity,
            "shift": None if cell.shift is None else self._bench.inputs(cell.shift, cell.seed),
            "attribution": self._bench.inputs(cell.attribution, cell.seed),
        }
        groups = self._groups_of(cell)
        if groups:
            inputs["groups"] = groups
        inputs |= self._task_of(cell) | self._precision
        return make_step("infer", cell.label, inputs, (finetune,), _with(finetune), len(test))

    def _task_of(self, cell: Cell) -> dict[str, Any]:
        """Return what determines the task; one without params is determined by its dataset."""
        task = cell.dataset.task
        if task is None or not type(task.params).model_fields:
            return {}
        return {"task": self._bench.inputs(task, None)}

    @property
    def _precision(self) -> dict[str, Any]:
        precision = self._plan.spec.run.precision
        return {} if precision == "float32" else {"precision": precision}

    def counterfactual(self, cell: Cell, finetune: Step) -> Step | None:
        """Return the step that asks a classifier about edited images, whatever explains it."""
        options = self._plan.spec.counterfactual
        if options is None:
            return None
        edits: dict[str, Any] = {"background": options.background, "object": options.object}
        donors = None
        if options.background == "swap":
            edits["donors"] = options.donors
            donors = self._bench.object(cell.dataset, cell.seed).test.identity
        test = limited_test(self._plan, self._bench, cell)
        inputs = {
            "classifier": finetune.identity,
            "test": test.identity,
            "shift": None if cell.shift is None else self._bench.inputs(cell.shift, cell.seed),
            "edits": edits,
            "donors": donors,
        }
        inputs |= self._task_of(cell) | self._precision
        label = cell.key.text(attribution=False, seed=cell.several)
        demand = _with(finetune)
        return make_step("counterfactual", label, inputs, (finetune,), demand, len(test))

    def faithfulness(self, cell: Cell, finetune: Step, infer: Step) -> Step | None:
        """Return the step that tries the explainer, where the study asks for it."""
        options = self._plan.spec.faithfulness
        if options is None:
            return None
        inputs = {
            "inferred": infer.identity,
            "options": options.model_dump(),
            "drawn": "ids by class",
        }
        return make_step("faithfulness", cell.label, inputs, (finetune, infer), _with(finetune))

    def _groups_of(self, cell: Cell) -> str | None:
        """Return a digest of the groups of a test split, which its identity needn't tell of."""
        key = cell.dataset.identity, cell.seed
        if key not in self._groups:
            groups = list_groups(limited_test(self._plan, self._bench, cell))
            values = {name: list(values) for name, values in groups.items()}
            self._groups[key] = identify(values) if values else None
        return self._groups[key]
