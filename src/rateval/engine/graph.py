"""From a plan to its steps: which there are, what determines each, and what each needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rateval.engine.cell_steps import CellSteps, Graph, PairSteps
from rateval.engine.companions import find_sharing
from rateval.engine.sources import ON_DEVICE, LiveSources, Sources, make_step
from rateval.plan.cells import Cell, Choice
from rateval.plan.plan import Plan
from rateval.records.key import ClassifierKey
from rateval.records.step import Step
from rateval.scoring.agreement import pair_explainers
from rateval.stages.thresholds import STEPS
from rateval.workbench.bench import Workbench
from rateval.workbench.verdicts.boxes import MOST_BOXES
from rateval.workbench.verdicts.chance import CENTRE_WIDTH, MOST_PAIRS


def make_graph(plan: Plan, bench: Workbench) -> Graph:
    """Lay out the steps of a plan; datasets are made for that, models are not.

    Raises RatevalError when a file that determines a result isn't there, or a dataset is at fault.
    """
    return lay_out_steps(plan, bench, LiveSources(plan, bench), plan.cells)


def lay_out_steps(plan: Plan, bench: Workbench, sources: Sources, cells: Sequence[Cell]) -> Graph:
    """Lay out the steps of some cells of a plan, which begin with those of ``sources``."""
    maker = _Maker(plan, bench, sources)
    made = tuple(map(maker.steps_of, cells))
    by_cell = {id(cell): steps for cell, steps in zip(cells, made, strict=True)}
    agreements = tuple(
        tuple(_compare(by_cell[id(first)], by_cell[id(second)], plan) for first, second in group)
        for group in pair_explainers(cells, plan)
    )
    return Graph(_order(made, agreements), made, agreements, find_sharing(made))


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


class _Maker:
    """What the steps of all cells of a plan are made with."""

    def __init__(self, plan: Plan, bench: Workbench, sources: Sources) -> None:
        self._plan, self._bench, self._sources = plan, bench, sources
        self._finetuned: dict[ClassifierKey, Step] = {}
        """Fine-tunings so far: most cells share theirs with others."""

    def steps_of(self, cell: Cell) -> CellSteps:
        """Return the steps of a cell."""
        key = cell.key.classifier
        sources = self._sources
        finetune = self._finetuned[key] = self._finetuned.get(key) or sources.finetune(cell)
        infer = sources.infer(cell, finetune)
        edited = sources.counterfactual(cell, finetune)
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
            None if choice.by_edits else self._thresholds(cell, infer, step)
            for choice, step in zip(self._plan.validators, judge, strict=True)
        )
        faithfulness = sources.faithfulness(cell, finetune, infer)
        return CellSteps(cell, finetune, infer, judge, scores, thresholds, edited, faithfulness)

    def _edited(self, edited: Step | None, choice: Choice) -> tuple[dict[str, Any], list[Step]]:
        """Return what a choice that needs predictions under edits is determined by and reads."""
        options = self._plan.spec.counterfactual
        if edited is None or options is None or not choice.by_edits:
            return {}, []
        return {"edited": edited.identity, "keep": options.keep}, [edited]

    def _judge(self, cell: Cell, infer: Step, edited: Step | None, validator: Choice) -> Step:
        answers, needs = self._edited(edited, validator)
        inputs = {
            "inferred": infer.identity,
            "validator": self._bench.inputs(validator, cell.seed),
            "without a mask": "unknown",
        }
        label = f"{cell.label} by {validator.label}"
        return make_step("judge", label, inputs | answers, (infer, *needs), ON_DEVICE)

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
        return make_step("score", label, inputs | answers, (infer, judge, *needs))

    def _thresholds(self, cell: Cell, infer: Step, judge: Step) -> Step:
        """Return the step that counts by threshold and by chance, of which nobody has a say."""
        inputs: dict[str, Any] = {
            "verdict": judge.identity,
            "drawn": "ids in a circle",
            "pairs": MOST_PAIRS,
            "centre": CENTRE_WIDTH,
            "steps": STEPS,
        }
        if cell.beside_boxes:
            inputs["boxes"] = {"most": MOST_BOXES, "placed": "by id"}
        return make_step("thresholds", judge.label, inputs, (infer, judge), ON_DEVICE)


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
    return PairSteps(first, second, make_step("agree", label, inputs, needs))
