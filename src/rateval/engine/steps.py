"""How each kind of step is done: inputs found, a stage called, its facts returned."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from rateval.api.protocols import Classifier, Dataset
from rateval.api.training import Monitor
from rateval.api.values import Outcomes
from rateval.engine.graph import CellSteps, Graph, limited_test
from rateval.errors import PluginError
from rateval.machine.precision import in_precision
from rateval.plan.cells import Choice
from rateval.plan.plan import Plan
from rateval.records.base import Record
from rateval.records.facts import (
    AgreeFacts,
    FaithfulnessFacts,
    FinetuneFacts,
    InferFacts,
    JudgeFacts,
    ScoreFacts,
)
from rateval.records.step import Step
from rateval.stages.agree import Explained, agree
from rateval.stages.faithfulness import Options, faithfulness
from rateval.stages.finetune import restore, save_state
from rateval.stages.infer import infer, merge, require_samples
from rateval.stages.judge import judge
from rateval.stages.score import score
from rateval.store.store import Store, Stored
from rateval.training.fitting import Fitting
from rateval.training.processes import Team, fit_together
from rateval.workbench.bench import Workbench
from rateval.workbench.build import name_plugin
from rateval.workbench.cell import Job, task_of
from rateval.workbench.groups import Group, read_groups
from rateval.workbench.outcomes import read_outcomes

PART_SIZE = 4096
"""Images of a larger test split that are kept together while the rest is still inferred."""

Write = Callable[[Path, Monitor], Record]
"""Fill a folder with a step's result, telling a monitor how far it is; return its facts."""


@dataclass(slots=True)
class Hands:
    """The doing of a plan's steps: live objects, and the store that results go to."""

    plan: Plan
    bench: Workbench
    store: Store
    _judged: tuple[str, Outcomes, tuple[Group, ...]] | None = None
    """Outcomes by the verdicts of one identity, which every metric of a cell counts."""

    def finetune(self, steps: CellSteps, folder: Path, monitor: Monitor) -> FinetuneFacts:
        """Train a classifier and write what training changed."""
        cell, step = steps.cell, steps.finetune
        fitting = Fitting(self.plan, self.bench, cell)
        unfinished = self.store.unfinished("finetune", step.inputs)
        processes = step.demand.processes
        with _blaming(cell.finetuner, cell.model, *fitting.examining):
            if processes > 1:
                team = Team(self.plan, cell, self.bench.context, processes, unfinished, folder)
                facts = fit_together(team, monitor)
            else:
                classifier, facts = fitting.fit(monitor, unfinished)
                save_state(classifier, folder, step.inputs)
                self.bench.keep_classifier(step.identity, classifier)
        return facts

    def infer(self, steps: CellSteps, folder: Path, monitor: Monitor) -> InferFacts:
        """Predict and explain each image of the test split, in parts where it is large."""
        job, step = self._job(steps), steps.infer
        count = len(job.split)
        blamed = _blaming(steps.cell.attribution, steps.cell.finetuner, steps.cell.model)
        with blamed, in_precision(job.classifier.model, self.plan.spec.run.precision, job.device):
            monitor.begin(count)
            if count <= PART_SIZE:
                return require_samples(infer(job, range(count), monitor, folder))
            parts = list(self._infer_parts(job, step, monitor))
            facts = [InferFacts.model_validate(part.facts) for part in parts]
            paths = [part.path for part in parts]
            return require_samples(merge(list(zip(paths, facts, strict=True)), folder))

    def _infer_parts(self, job: Job, step: Step, monitor: Monitor) -> Iterator[Stored]:
        """Keep each part of a large split as it is done, so that an interruption loses little."""
        store = Store(self.store.unfinished("infer", step.inputs), tell=self.store.tell)
        for part, inputs in _parts(len(job.split), step):
            stored = store.fetch("part", inputs, whole=True)
            if stored is not None:
                monitor.advance(len(part))
            write = partial(_dump, partial(infer, job, part, monitor))
            yield stored or store.make("part", inputs, write)

    def judge(self, steps: CellSteps, validator: int, folder: Path, monitor: Monitor) -> JudgeFacts:
        """Judge stored maps by one of the plan's validators."""
        choice = self.plan.validators[validator]
        with _blaming(choice):
            return judge(
                self.bench.object(choice, steps.cell.seed),
                self._path(steps.infer),
                self.plan.spec.run.batch_size,
                monitor,
                folder,
                self.bench.context.device,
            )

    def score(
        self, steps: CellSteps, validator: int, metric: int, folder: Path, monitor: Monitor
    ) -> ScoreFacts:
        """Count outcomes by one of the plan's metrics."""
        choice, judged = self.plan.metrics[metric], steps.judge[validator]
        if self._judged is None or self._judged[0] != judged.identity:
            inferred = self._path(steps.infer)
            outcomes = read_outcomes(inferred, self._path(judged))
            self._judged = judged.identity, outcomes, read_groups(inferred)
        with _blaming(choice):
            made = self.bench.object(choice, steps.cell.seed)
            task = task_of(self.bench.object(steps.cell.dataset, steps.cell.seed))
            return score(task, choice.label, made, *self._judged[1:])

    def faithfulness(self, steps: CellSteps, folder: Path, monitor: Monitor) -> FaithfulnessFacts:
        """Test the explainer on images of the test split."""
        job = self._job(steps)
        options = Options(**steps.faithfulness.inputs["options"]) if steps.faithfulness else None
        assert options is not None
        blamed = _blaming(steps.cell.attribution, steps.cell.finetuner, steps.cell.model)
        with blamed, in_precision(job.classifier.model, self.plan.spec.run.precision, job.device):
            return faithfulness(job, options, self._path(steps.infer), monitor, folder)

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

    def _path(self, step: Step) -> Path:
        return self.store.path_of(step.stage, step.identity)

    def _job(self, steps: CellSteps) -> Job:
        cell = steps.cell
        dataset: Dataset = self.bench.object(cell.dataset, cell.seed)
        return Job(
            self._classifier(steps),
            self.bench.object(cell.attribution, cell.seed),
            limited_test(self.plan, self.bench, cell),
            None if cell.shift is None else self.bench.object(cell.shift, cell.seed),
            task_of(dataset),
            self.bench.context.device,
            self.plan.spec.run.batch_size,
            self.bench.context.readers,
        )

    def _classifier(self, steps: CellSteps) -> Classifier:
        cell, identity = steps.cell, steps.finetune.identity
        classifier = self.bench.classifier(identity)
        if classifier is None:
            classifier = restore(
                self.bench.object(cell.finetuner, cell.seed),
                self.bench.copy_model(cell.model, cell.seed),
                self.bench.object(cell.dataset, cell.seed).classes,
                self._path(steps.finetune),
            )
            self.bench.keep_classifier(identity, classifier)
        return classifier


def find_writes(hands: Hands, graph: Graph) -> dict[str, Write]:
    """Return how to do each step of a graph, by its identity."""
    found: dict[str, Write] = {}
    for steps in graph.cells:
        found.setdefault(steps.finetune.identity, partial(hands.finetune, steps))
        found.setdefault(steps.infer.identity, partial(hands.infer, steps))
        for validator, step in enumerate(steps.judge):
            found.setdefault(step.identity, partial(hands.judge, steps, validator))
            for metric, counted in enumerate(steps.score[validator]):
                found.setdefault(counted.identity, partial(hands.score, steps, validator, metric))
        if steps.faithfulness is not None:
            found.setdefault(steps.faithfulness.identity, partial(hands.faithfulness, steps))
    for pair in (pair for group in graph.agreements for pair in group):
        found.setdefault(pair.agree.identity, partial(hands.agree, pair.first, pair.second))
    return found


def _parts(count: int, step: Step) -> Iterator[tuple[range, Mapping[str, Any]]]:
    for start in range(0, count, PART_SIZE):
        part = range(start, min(start + PART_SIZE, count))
        yield part, {**step.inputs, "part": [part.start, part.stop]}


def _dump(write: Callable[[Path], Record], folder: Path) -> Mapping[str, Any]:
    return write(folder).model_dump(mode="json")


@contextmanager
def _blaming(*choices: Choice) -> Iterator[None]:
    """Put the component at fault into the error when one of those in use breaks its protocol.

    That is the one of the error's kind; without a kind it may be any of them. A kind that none of
    them is of belongs to an error that names its component already.
    """
    try:
        yield
    except PluginError as error:
        at_fault = [c for c in choices if error.kind in (None, c.registered.kind)]
        if not at_fault:
            raise
        names = ", ".join(map(name_plugin, at_fault))
        raise PluginError(f"{error} ({names})", kind=error.kind) from error
    except SystemExit as error:
        names = ", ".join(map(name_plugin, choices))
        raise PluginError(
            f"SystemExit: {error}: a plugin wanted to exit, where it must raise an error ({names})"
        ) from error
