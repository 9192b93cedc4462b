"""From a plan to its steps: which there are, what determines each, and what each needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rateval.api.protocols import Dataset, Split
from rateval.data.groups import list_groups
from rateval.data.splits import limit_split
from rateval.engine.cell_steps import CellSteps, Graph, PairSteps
from rateval.errors import RatevalError
from rateval.plan.cells import Cell, Choice
from rateval.plan.plan import Plan
from rateval.records.key import ClassifierKey
from rateval.records.step import Demand, Stage, Step
from rateval.scoring.agreement import pair_explainers
from rateval.stages.thresholds import STEPS
from rateval.store.store import identify, identify_result
from rateval.training.fitting import Fitting
from rateval.workbench.bench import Workbench
from rateval.workbench.chance import CENTRE_WIDTH, MOST_PAIRS

_ON_DEVICE = Demand(device=True)


def make_graph(plan: Plan, bench: Workbench) -> Graph:
    """Lay out the steps of a plan; datasets are made for that, models are not.

    Raises RatevalError when a file that determines a result isn't there, or a dataset is at fault.
    """
    maker = _Maker(plan, bench)
    cells = tuple(maker.steps_of(cell) for cell in plan.cells)
    by_cell = {id(cell): steps for cell, steps in zip(plan.cells, cells, strict=True)}
    agreements = tuple(
        tuple(_compare(by_cell[id(first)], by_cell[id(second)], plan) for first, second in group)
        for group in pair_explainers(plan.cells, plan)
    )
    return Graph(_order(cells, agreements), cells, agreements)


def _order(
    cells: Sequence[CellSteps], agreements: Sequence[Sequence[PairSteps]]
) -> Mapping[str, Step]:
    """Return each step once, comparisons as soon as both cells are there."""
    places = {id(steps): place for place, steps in enumerate(cells)}
    pairs: list[list[Step]] = [[] for _ in cells]
    for pair in (pair for group in agreements for pair in group):
        pairs[max(places[id(pair.first)], places[id(pair.second)])].append(pair.agree)
    ordered = (
        step for steps, agrees in zip(cells, pairs, strict=True) for step in (*steps, *agrees)
    )
    found: dict[str, Step] = {}
    for step in ordered:
        found.setdefault(step.identity, step)
    return found


def limited_test(plan: Plan, bench: Workbench, cell: Cell) -> Split:
    """Return the test split of a cell, as far as the study uses it."""
    dataset: Dataset = bench.object(cell.dataset, cell.seed)
    return limit_split(dataset.test, plan.spec.run.limit, plan.spec.run.limit_by)


class _Maker:
    """What the steps of all cells of a plan are made with."""

    def __init__(self, plan: Plan, bench: Workbench) -> None:
        self._plan, self._bench = plan, bench
        self._finetuned: dict[ClassifierKey, Step] = {}
        """Fine-tunings so far: most cells share theirs with others."""
        self._groups: dict[tuple[str, int | None], str | None] = {}
        """Digests of groups so far, by dataset and seed."""

    def steps_of(self, cell: Cell) -> CellSteps:
        """Return the steps of a cell."""
        key = cell.key.classifier
        finetune = self._finetuned[key] = self._finetuned.get(key) or self._finetune(cell)
        infer = self._infer(cell, finetune)
        edited = self._counterfactual(cell, finetune)
        judge = tuple(self._judge(cell, infer, edited, choice) for choice in self._plan.validators)
        scores = tuple(
            tuple(
                self._score(cell, infer, step, edited, metric)
                if metric.speaks_of(validator)
                else None
                for metric in self._plan.metrics
            )
            for step, validator in zip(judge, self._plan.validators, strict=True)
        )
        thresholds = tuple(
            None if choice.by_edits else self._thresholds(infer, step)
            for choice, step in zip(self._plan.validators, judge, strict=True)
        )
        faithfulness = self._faithfulness(cell, finetune, infer)
        return CellSteps(cell, finetune, infer, judge, scores, thresholds, edited, faithfulness)

    def _finetune(self, cell: Cell) -> Step:
        for choice in cell.choices:
            self._bench.inputs(choice, cell.seed)  # what these lack is no matter of one cell
        try:
            fitting = Fitting(self._plan, self._bench, cell)
            inputs = fitting.inputs
        except RatevalError as error:
            error.args = (f"{cell.label}: {error}",)  # a plugin's own kind of it stays what it is
            raise
        processes = self._plan.spec.run.processes if fitting.trains else 1
        return _step("finetune", fitting.label, inputs, (), Demand(True, processes))

    def _infer(self, cell: Cell, finetune: Step) -> Step:
        inputs = {
            "classifier": finetune.identity,
            "test": limited_test(self._plan, self._bench, cell).identity,
            "shift": None if cell.shift is None else self._bench.inputs(cell.shift, cell.seed),
            "attribution": self._bench.inputs(cell.attribution, cell.seed),
        }
        groups = self._groups_of(cell)
        if groups:
            inputs["groups"] = groups
        return _step("infer", cell.label, inputs | self._precision, (finetune,), _ON_DEVICE)

    @property
    def _precision(self) -> dict[str, Any]:
        precision = self._plan.spec.run.precision
        return {} if precision == "float32" else {"precision": precision}

    def _counterfactual(self, cell: Cell, finetune: Step) -> Step | None:
        """Return the step that asks a classifier about edited images, whatever explains it."""
        options = self._plan.spec.counterfactual
        if options is None:
            return None
        edits: dict[str, Any] = {"background": options.background, "object": options.object}
        donors = None
        if options.background == "swap":
            edits["donors"] = options.donors
            donors = self._bench.object(cell.dataset, cell.seed).test.identity
        inputs = {
            "classifier": finetune.identity,
            "test": limited_test(self._plan, self._bench, cell).identity,
            "shift": None if cell.shift is None else self._bench.inputs(cell.shift, cell.seed),
            "edits": edits,
            "donors": donors,
        }
        label = cell.key.text(attribution=False, seed=cell.several)
        return _step("counterfactual", label, inputs | self._precision, (finetune,), _ON_DEVICE)

    def _edited(self, edited: Step | None, choice: Choice) -> tuple[dict[str, Any], list[Step]]:
        """Return what a choice that needs predictions under edits is determined by and reads."""
        options = self._plan.spec.counterfactual
        if edited is None or options is None or not choice.by_edits:
            return {}, []
        return {"edited": edited.identity, "keep": options.keep}, [edited]

    def _groups_of(self, cell: Cell) -> str | None:
        """Return a digest of the groups of a test split, which its identity needn't tell of."""
        key = cell.dataset.identity, cell.seed
        if key not in self._groups:
            groups = list_groups(limited_test(self._plan, self._bench, cell))
            values = {name: list(values) for name, values in groups.items()}
            self._groups[key] = identify(values) if values else None
        return self._groups[key]

    def _judge(self, cell: Cell, infer: Step, edited: Step | None, validator: Choice) -> Step:
        answers, needs = self._edited(edited, validator)
        inputs = {
            "inferred": infer.identity,
            "validator": self._bench.inputs(validator, cell.seed),
            "without a mask": "unknown",
        }
        label = f"{cell.label} by {validator.label}"
        return _step("judge", label, inputs | answers, (infer, *needs), _ON_DEVICE)

    def _score(
        self, cell: Cell, infer: Step, judge: Step, edited: Step | None, metric: Choice
    ) -> Step:
        answers, needs = self._edited(edited, metric)
        # Under the label that messages of the metric name.
        inputs = {
            "verdict": judge.identity,
            "metric": {"label": metric.label} | self._bench.inputs(metric, cell.seed),
            "tables": "class, group",
        }
        label = f"{judge.label}: {metric.label}"
        return _step("score", label, inputs | answers, (infer, judge, *needs))

    def _thresholds(self, infer: Step, judge: Step) -> Step:
        """Return the step that counts by threshold and by chance, of which nobody has a say."""
        inputs = {
            "verdict": judge.identity,
            "drawn": "ids in a circle",
            "pairs": MOST_PAIRS,
            "centre": CENTRE_WIDTH,
            "steps": STEPS,
        }
        return _step("thresholds", judge.label, inputs, (infer, judge), _ON_DEVICE)

    def _faithfulness(self, cell: Cell, finetune: Step, infer: Step) -> Step | None:
        options = self._plan.spec.faithfulness
        if options is None:
            return None
        inputs = {
            "inferred": infer.identity,
            "options": options.model_dump(),
            "drawn": "ids by class",
        }
        return _step("faithfulness", cell.label, inputs, (finetune, infer), _ON_DEVICE)


def _compare(first: CellSteps, second: CellSteps, plan: Plan) -> PairSteps:
    pair = (first, second)
    judged = [[steps.judge[at] for at in plan.map_validators] for steps in pair]
    inputs = {
        "inferred": [steps.infer.identity for steps in pair],
        "verdicts": [[judge.identity for judge in judges] for judges in judged],
    }
    label = f"{first.cell.label} beside {second.cell.attribution.label}"
    needs = [
        step for steps, judges in zip(pair, judged, strict=True) for step in (steps.infer, *judges)
    ]
    return PairSteps(first, second, _step("agree", label, inputs, needs))


def _step(
    stage: Stage,
    label: str,
    inputs: Mapping[str, Any],
    needs: Sequence[Step],
    demand: Demand = Demand(),  # noqa: B008 - a frozen value
) -> Step:
    identity = identify_result(stage, inputs)
    return Step(stage, label, identity, inputs, tuple(step.identity for step in needs), demand)
