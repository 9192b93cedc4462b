"""How each kind of step is done: inputs found, a stage called, its facts returned."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from rateval.api.protocols import Classifier, Dataset
from rateval.api.training import Monitor
from rateval.api.values import Outcomes
from rateval.data.batches import Batch
from rateval.engine.blame import blaming
from rateval.engine.cell_steps import CellSteps, Graph
from rateval.engine.editing import BATCH_BYTES, Editing
from rateval.engine.parts import do_parts, has_parts
from rateval.engine.picturing.make import Picturing
from rateval.engine.sources import limited_test
from rateval.machine.precision import in_precision
from rateval.plan.cells import Choice
from rateval.plan.plan import Plan
from rateval.records.base import Record
from rateval.records.facts import (
    AgreeFacts,
    CounterfactualFacts,
    FaithfulnessFacts,
    FinetuneFacts,
    InferFacts,
    JudgeFacts,
    PicturesFacts,
    ScoreFacts,
    ThresholdsFacts,
)
from rateval.records.step import Step
from rateval.stages.agree import Explained, agree
from rateval.stages.faithfulness import Options, faithfulness
from rateval.stages.finetune import restore, save_state
from rateval.stages.infer import infer, merge, require_samples
from rateval.stages.judge import judge, judge_edits
from rateval.stages.score import Slicing, score, tabulate
from rateval.stages.thresholds import Ruling, thresholds
from rateval.store.store import Store, identify
from rateval.training.fitting import Fitting
from rateval.training.processes import Team, fit_together
from rateval.workbench.bench import Workbench
from rateval.workbench.cell import Job, task_of
from rateval.workbench.chance import Priors
from rateval.workbench.counting import Counting
from rateval.workbench.groups import read_groups
from rateval.workbench.kept import Kept
from rateval.workbench.outcomes import Edited, read_labels, read_outcomes, read_predictions

Write = Callable[[Path, Monitor], Record]
"""Fill a folder with a step's result, telling a monitor how far it is; return its facts."""


@dataclass(slots=True)
class Hands:
    """The doing of a plan's steps: live objects, and the store that results go to."""

    plan: Plan
    bench: Workbench
    store: Store
    _judged: tuple[tuple[str, Edited | None], Outcomes, Slicing] | None = None
    """Outcomes by the verdicts of one identity, which every metric of a cell counts."""
    _editing: Editing = field(default_factory=Editing)
    _priors: Priors = field(default_factory=Priors)
    _batches: Kept[Batch] = field(default_factory=lambda: Kept(BATCH_BYTES))
    """Small test splits as they were read, for other methods and explainers."""

    def finetune(self, steps: CellSteps, folder: Path, monitor: Monitor) -> FinetuneFacts:
        """Train a classifier and write what training changed."""
        cell, step = steps.cell, steps.finetune
        fitting = Fitting(self.plan, self.bench, cell)
        unfinished = self.store.unfinished("finetune", step.inputs)
        processes = step.demand.processes
        with blaming(cell.finetuner, cell.model, *fitting.examining):
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
        blamed = blaming(steps.cell.attribution, steps.cell.finetuner, steps.cell.model)
        with blamed, in_precision(job.classifier.model, self.plan.spec.run.precision, job.device):
            monitor.begin(count)

            def write(part: range, folder: Path) -> InferFacts:
                return infer(job, part, monitor, folder, self._read(steps, job, part))

            if not has_parts(count):
                return require_samples(write(range(count), folder))

            parts = list(do_parts(self.store, step, count, monitor, write))
            facts = [InferFacts.model_validate(part.facts) for part in parts]
            paths = [part.path for part in parts]
            return require_samples(merge(list(zip(paths, facts, strict=True)), folder))

    def _read(self, steps: CellSteps, job: Job, part: range) -> Iterable[Batch]:
        """Return the batches of a part of a test split, which small ones are kept of."""
        inputs = {name: steps.infer.inputs[name] for name in ("test", "shift")}
        inputs |= {"model": self.bench.inputs(steps.cell.model, steps.cell.seed)}
        inputs |= {"part": [part.start, part.stop], "at once": job.batch_size}
        batches = job.batches(part, masks=True)
        return self._batches.each(identify(inputs), batches, steps.cell.model.identity)

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
            counting = Counting(task_of(dataset), choice.label, made, choice.by_edits)
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
            )

    def counterfactual(
        self, steps: CellSteps, inferred: Sequence[Step], folder: Path, monitor: Monitor
    ) -> CounterfactualFacts:
        """Ask the classifier about edited test images, which some steps predict as they are."""
        job = self._job(steps, explaining=False)
        predicted = self._read_predictions(inferred)
        blamed = blaming(steps.cell.finetuner, steps.cell.model)
        with blamed, in_precision(job.classifier.model, self.plan.spec.run.precision, job.device):
            read = partial(self._read, steps, job)
            return self._editing.ask(
                steps, job, self.bench, self.store, monitor, folder, predicted, read
            )

    def _read_predictions(self, inferred: Sequence[Step]) -> Mapping[str, int]:
        """Return what one of these steps predicted, by id; nothing where none has been done.

        In half precision a pass that explains rounds otherwise than one that predicts alone, so
        that what is stored first would matter.
        """
        for step in inferred if self.plan.spec.run.precision == "float32" else ():
            with self.store.reading([step.identity]):
                stored = self.store.fetch(step.stage, step.inputs, whole=True)
                if stored is not None:
                    return read_predictions(stored.path)
        return {}

    def _edited(self, steps: CellSteps, choice: Choice) -> Edited | None:
        """Return the answers to edits that a choice needs; None where it needs none."""
        options = self.plan.spec.counterfactual
        if not choice.by_edits or steps.counterfactual is None or options is None:
            return None
        return Edited(self._path(steps.counterfactual), options.keep)

    def faithfulness(self, steps: CellSteps, folder: Path, monitor: Monitor) -> FaithfulnessFacts:
        """Test the explainer on images of the test split."""
        job = self._job(steps)
        options = Options(**steps.faithfulness.inputs["options"]) if steps.faithfulness else None
        assert options is not None
        blamed = blaming(steps.cell.attribution, steps.cell.finetuner, steps.cell.model)
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

    def pictures(self, step: Step, folder: Path, monitor: Monitor) -> PicturesFacts:
        """Make pictures of a test."""
        return Picturing(self.bench, self.store, self.plan.find).make(step, monitor, folder)

    def _path(self, step: Step) -> Path:
        return self.store.path_of(step.stage, step.identity)

    def _job(self, steps: CellSteps, *, explaining: bool = True) -> Job:
        cell = steps.cell
        dataset: Dataset = self.bench.object(cell.dataset, cell.seed)
        return Job(
            self._classifier(steps),
            self.bench.object(cell.attribution, cell.seed) if explaining else None,
            limited_test(self.plan, self.bench, cell),
            self.bench.shift(cell.shift, dataset.test, cell.seed),
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
    inferred: dict[str, list[Step]] = {}
    """By the step that edits the same test for the same classifier, whatever explains it."""
    for steps in graph.cells:
        found.setdefault(steps.finetune.identity, partial(hands.finetune, steps))
        found.setdefault(steps.infer.identity, partial(hands.infer, steps))
        for validator, step in enumerate(steps.judge):
            found.setdefault(step.identity, partial(hands.judge, steps, validator))
            for metric, counted in enumerate(steps.score[validator]):
                if counted is not None:
                    score = partial(hands.score, steps, validator, metric)
                    found.setdefault(counted.identity, score)
        for validator, by in enumerate(steps.thresholds):
            if by is not None:
                found.setdefault(by.identity, partial(hands.thresholds, steps, validator))
        if steps.counterfactual is not None:
            alike = inferred.setdefault(steps.counterfactual.identity, [])
            alike.append(steps.infer)
            ask = partial(hands.counterfactual, steps, alike)
            found.setdefault(steps.counterfactual.identity, ask)
        if steps.faithfulness is not None:
            found.setdefault(steps.faithfulness.identity, partial(hands.faithfulness, steps))
    for pair in (pair for group in graph.agreements for pair in group):
        found.setdefault(pair.agree.identity, partial(hands.agree, pair.first, pair.second))
    return found
