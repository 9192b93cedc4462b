"""How each kind of step is done: inputs found, a stage called, its facts returned."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from rateval.api.protocols import Dataset
from rateval.api.training import Monitor
from rateval.api.values import Outcomes
from rateval.engine.blame import blaming
from rateval.engine.cell_steps import CellSteps, Graph
from rateval.engine.doing.evaluating import Evaluating
from rateval.engine.handing_out.shards import Divisible
from rateval.engine.picturing.make import Picturing
from rateval.plan.cells import Choice
from rateval.plan.plan import Plan
from rateval.records.base import Record
from rateval.records.facts import (
    AgreeFacts,
    FinetuneFacts,
    JudgeFacts,
    PicturesFacts,
    ScoreFacts,
    ThresholdsFacts,
)
from rateval.records.step import Step
from rateval.stages.agree import Explained, agree
from rateval.stages.finetune import save_state
from rateval.stages.judge import judge, judge_edits
from rateval.stages.score import Slicing, score, tabulate
from rateval.stages.thresholds import Ruling, thresholds
from rateval.store.identity import identify
from rateval.store.store import Store
from rateval.training.fitting import Fitting
from rateval.training.processes import Team, fit_together
from rateval.workbench.bench import Workbench
from rateval.workbench.verdicts.chance import Priors
from rateval.workbench.verdicts.counting import Counting
from rateval.workbench.verdicts.groups import read_groups
from rateval.workbench.verdicts.outcomes import Edited, read_labels, read_outcomes

Write = Callable[[Path, Monitor], Record]
"""Fill a folder with a step's result, telling a monitor how far it is; return its facts."""


@dataclass(slots=True)
class Hands:
    """The doing of a plan's steps: live objects, and the store that results go to."""

    plan: Plan
    bench: Workbench
    store: Store
    evaluating: Evaluating = field(init=False)
    _judged: tuple[tuple[str, Edited | None], Outcomes, Slicing] | None = None
    """Outcomes by the verdicts of one identity, which every metric of a cell counts."""
    _priors: Priors = field(default_factory=Priors)

    def __post_init__(self) -> None:
        self.evaluating = Evaluating(self.plan, self.bench, self.store)

    def finetune(self, steps: CellSteps, folder: Path, monitor: Monitor) -> FinetuneFacts:
        """Train a classifier and write what training changed."""
        cell, step = steps.cell, steps.finetune
        fitting = Fitting(self.plan, self.bench, cell)
        unfinished = self.store.unfinished("finetune", step.inputs)
        processes = step.demand.processes
        self.evaluating.forget_job()
        with blaming(cell.finetuner, cell.model, *fitting.examining):
            if processes > 1:
                team = Team(self.plan, cell, self.bench.context, processes, unfinished, folder)
                facts = fit_together(team, monitor)
            else:
                classifier, facts = fitting.fit(monitor, unfinished)
                save_state(classifier, folder, step.inputs)
                self.bench.keep_classifier(step.identity, classifier)
        return facts

    def judge(self, steps: CellSteps, validator: int, folder: Path, monitor: Monitor) -> JudgeFacts:
        """Judge stored maps, or answers to edits, by one of the plan's validators."""
        choice, device = self.plan.validators[validator], self.bench.context.device
        inferred, batch_size = self._path(steps.infer), self.plan.spec.run.batch_size
        edited = self._edited(steps, choice)
        with blaming(choice):
            made = self.bench.object(choice, steps.cell.seed)
            if edited is not None:
                return judge_edits(made, inferred, edited, monitor, folder, device)
            return judge(made, inferred, batch_size, monitor, folder, device)

    def score(
        self, steps: CellSteps, validator: int, metric: int, folder: Path, monitor: Monitor
    ) -> ScoreFacts:
        """Count outcomes by one of the plan's metrics."""
        choice, judged = self.plan.metrics[metric], steps.judge[validator]
        edited = self._edited(steps, choice)
        dataset: Dataset = self.bench.object(steps.cell.dataset, steps.cell.seed)
        read = judged.identity, edited
        if self._judged is None or self._judged[0] != read:
            inferred = self._path(steps.infer)
            outcomes = read_outcomes(inferred, self._path(judged), edited)
            groups, labels = read_groups(inferred), read_labels(inferred)
            self._judged = read, outcomes, Slicing(dataset.classes, labels, groups)
        _, outcomes, slicing = self._judged
        with blaming(choice):
            made = self.bench.object(choice, steps.cell.seed)
            counting = Counting(choice.label, made, choice.by_edits)
            facts = score(counting, outcomes, slicing.groups)
            tabulate(counting, outcomes, slicing, folder)
        return facts

    def thresholds(
        self, steps: CellSteps, validator: int, folder: Path, monitor: Monitor
    ) -> ThresholdsFacts:
        """Count what is valid by each threshold, and by chance, by one of the plan's validators."""
        choice, seed = self.plan.validators[validator], steps.cell.seed
        with blaming(choice):
            made = self.bench.object(choice, seed)
            named = getattr(choice.params, "threshold", None)
            asked = float(named) if isinstance(named, int | float) else None
            return thresholds(
                Ruling(made, identify(self.bench.inputs(choice, seed)), asked),
                self._path(steps.infer),
                self._path(steps.judge[validator]),
                self._priors,
                self.plan.spec.run.batch_size,
                self.bench.context.device,
                monitor,
                folder,
                boxes=steps.cell.beside_boxes,
            )

    def _edited(self, steps: CellSteps, choice: Choice) -> Edited | None:
        """Return the answers to edits that a choice needs; None where it needs none."""
        options = self.plan.spec.counterfactual
        if not choice.by_edits or steps.counterfactual is None or options is None:
            return None
        return Edited(self._path(steps.counterfactual), options.keep)

    def agree(
        self, first: CellSteps, second: CellSteps, folder: Path, monitor: Monitor
    ) -> AgreeFacts:
        """Compare the stored maps and verdicts of two explainers."""
        return agree(
            *(
                Explained(self._path(steps.infer), [self._path(step) for step in steps.judge])
                for steps in (first, second)
            )
        )

    def pictures(self, step: Step, folder: Path, monitor: Monitor) -> PicturesFacts:
        """Make pictures of a test."""
        return Picturing(self.bench, self.store, self.plan.find).make(step, monitor, folder)

    def _path(self, step: Step) -> Path:
        return self.store.path_of(step.stage, step.identity)


def fill(
    write: Write | Divisible, store: Store, folder: Path, monitor: Monitor
) -> tuple[Mapping[str, Any], float]:
    """Fill a folder with a whole result; return its facts, and the seconds its shards took."""
    if isinstance(write, Divisible):
        facts, seconds = write.write(store, folder, monitor)
    else:
        facts, seconds = write(folder, monitor), 0.0
    return facts.model_dump(mode="json"), seconds


def find_writes(hands: Hands, graph: Graph) -> dict[str, Write | Divisible]:
    """Return how to do each step of a graph, by its identity."""
    found: dict[str, Write | Divisible] = {}
    inferred: dict[str, list[Step]] = {}
    """By the step that edits the same test for the same classifier, whatever explains it."""
    for steps in graph.cells:
        found.setdefault(steps.finetune.identity, partial(hands.finetune, steps))
        sharing = graph.sharing.get(steps.infer.identity, ())
        for step, write in _find_evaluating(hands.evaluating, steps, inferred, sharing):
            found.setdefault(step.identity, write)
        for validator, step in enumerate(steps.judge):
            found.setdefault(step.identity, partial(hands.judge, steps, validator))
            for metric, counted in enumerate(steps.score[validator]):
                if counted is not None:
                    score = partial(hands.score, steps, validator, metric)
                    found.setdefault(counted.identity, score)
        for validator, by in enumerate(steps.thresholds):
            if by is not None:
                found.setdefault(by.identity, partial(hands.thresholds, steps, validator))
    for pair in (pair for group in graph.agreements for pair in group):
        found.setdefault(pair.agree.identity, partial(hands.agree, pair.first, pair.second))
    return found


def _find_evaluating(
    evaluating: Evaluating,
    steps: CellSteps,
    inferred: dict[str, list[Step]],
    sharing: Sequence[CellSteps],
) -> Iterator[tuple[Step, Write | Divisible]]:
    yield steps.infer, evaluating.infer(steps, sharing)
    edited = steps.counterfactual
    if edited is not None:
        alike = inferred.setdefault(edited.identity, [])
        alike.append(steps.infer)
        yield edited, evaluating.counterfactual(steps, alike)
    if steps.faithfulness is not None:
        yield steps.faithfulness, partial(evaluating.faithfulness, steps)
