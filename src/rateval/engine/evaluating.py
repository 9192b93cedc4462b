"""Test splits predicted, explained and edited: what is done with a classifier at hand."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from rateval.api.protocols import Classifier, Dataset
from rateval.api.training import Monitor
from rateval.data.batches import Batch
from rateval.engine.blame import blaming
from rateval.engine.cell_steps import CellSteps
from rateval.engine.editing import BATCH_BYTES, Editing
from rateval.engine.shards import Divisible, WritePart
from rateval.engine.sources import limited_test
from rateval.machine.precision import in_precision
from rateval.plan.plan import Plan
from rateval.plan.shards import align
from rateval.records.facts import CounterfactualFacts, FaithfulnessFacts, InferFacts
from rateval.records.step import Step
from rateval.stages.counterfactual import merge_answers
from rateval.stages.faithfulness import Options, faithfulness
from rateval.stages.finetune import restore
from rateval.stages.infer import infer, merge, require_samples
from rateval.store.store import Store, Stored, identify
from rateval.workbench.bench import Workbench
from rateval.workbench.cell import Job, task_of
from rateval.workbench.kept import Kept
from rateval.workbench.outcomes import read_predictions


class Evaluating:
    """The doing of steps that need a classifier, with what several of them share kept."""

    def __init__(self, plan: Plan, bench: Workbench, store: Store) -> None:
        self._plan, self._bench, self._store = plan, bench, store
        self._size = align(plan.spec.run.shard_size, plan.spec.run.batch_size)
        self._editing = Editing()
        self._batches: Kept[Batch] = Kept(BATCH_BYTES)
        """Small test splits as they were read, for other methods and explainers."""
        self._job: tuple[str, Job] | None = None
        """The job of the step that was done last, which other shards of it go on with."""
        self._predicted: tuple[str, Mapping[str, int]] | None = None
        """What the step predicted that was asked for last."""

    def forget_job(self) -> None:
        """Let go of the live objects of the step that was done last."""
        self._job = None

    def infer(self, steps: CellSteps) -> Divisible:
        """Return how each image of the test split is predicted and explained."""

        @contextmanager
        def opened(monitor: Monitor) -> Iterator[WritePart]:
            with self._working(steps, steps.infer, explaining=True) as job:

                def write(part: range, folder: Path) -> InferFacts:
                    facts = infer(job, part, monitor, folder, self._read(steps, job, part))
                    return require_samples(facts) if len(part) == len(job.split) else facts

                yield write

        def put_together(shards: Sequence[Stored], folder: Path) -> InferFacts:
            facts = [InferFacts.model_validate(shard.facts) for shard in shards]
            paths = [shard.path for shard in shards]
            return require_samples(merge(list(zip(paths, facts, strict=True)), folder))

        return Divisible(steps.infer, self._size, opened, put_together)

    def counterfactual(self, steps: CellSteps, inferred: Sequence[Step]) -> Divisible:
        """Return how a classifier is asked about edited images, which some steps predict whole."""
        step = steps.counterfactual
        assert step is not None

        @contextmanager
        def opened(monitor: Monitor) -> Iterator[WritePart]:
            with self._working(steps, step, explaining=False) as job:
                predicted = self._read_predictions(inferred)
                read = partial(self._read, steps, job)
                yield self._editing.open(steps, job, self._bench, monitor, predicted, read)

        def put_together(shards: Sequence[Stored], folder: Path) -> CounterfactualFacts:
            facts = [CounterfactualFacts.model_validate(shard.facts) for shard in shards]
            paths = [shard.path for shard in shards]
            parts = list(zip(paths, facts, strict=True))
            return merge_answers(parts, Editing.edits_of(step), folder)

        return Divisible(step, self._size, opened, put_together)

    def faithfulness(self, steps: CellSteps, folder: Path, monitor: Monitor) -> FaithfulnessFacts:
        """Test the explainer on images of the test split."""
        step = steps.faithfulness
        assert step is not None
        with self._working(steps, step, explaining=True) as job:
            inferred = self._store.path_of("infer", steps.infer.identity)
            return faithfulness(job, Options(**step.inputs["options"]), inferred, monitor, folder)

    @contextmanager
    def _working(self, steps: CellSteps, step: Step, *, explaining: bool) -> Iterator[Job]:
        """Yield the live objects of a step, with its errors those of its components."""
        cell = steps.cell
        explainers = (cell.attribution,) if explaining else ()
        job = self._find_job(steps, step, explaining=explaining)
        with (
            blaming(*explainers, cell.finetuner, cell.model),
            in_precision(job.classifier.model, self._plan.spec.run.precision, job.device),
        ):
            yield job

    def _find_job(self, steps: CellSteps, step: Step, *, explaining: bool) -> Job:
        if self._job is None or self._job[0] != step.identity:
            self._job = None  # before another classifier is made
            self._job = step.identity, self._make_job(steps, explaining=explaining)
        return self._job[1]

    def _make_job(self, steps: CellSteps, *, explaining: bool) -> Job:
        cell, bench = steps.cell, self._bench
        dataset: Dataset = bench.object(cell.dataset, cell.seed)
        return Job(
            self._classifier(steps),
            bench.object(cell.attribution, cell.seed) if explaining else None,
            limited_test(self._plan, bench, cell),
            bench.shift(cell.shift, dataset.test, cell.seed),
            task_of(dataset),
            bench.context.device,
            self._plan.spec.run.batch_size,
            bench.context.readers,
        )

    def _classifier(self, steps: CellSteps) -> Classifier:
        cell, identity = steps.cell, steps.finetune.identity
        classifier = self._bench.classifier(identity)
        if classifier is None:
            classifier = restore(
                self._bench.object(cell.finetuner, cell.seed),
                self._bench.copy_model(cell.model, cell.seed),
                self._bench.object(cell.dataset, cell.seed).classes,
                self._store.path_of("finetune", identity),
            )
            self._bench.keep_classifier(identity, classifier)
        return classifier

    def _read(self, steps: CellSteps, job: Job, part: range) -> Iterable[Batch]:
        """Return the batches of a part of a test split, which small ones are kept of."""
        inputs = {name: steps.infer.inputs[name] for name in ("test", "shift")}
        inputs |= {"model": self._bench.inputs(steps.cell.model, steps.cell.seed)}
        inputs |= {"part": [part.start, part.stop], "at once": job.batch_size}
        batches = job.batches(part, masks=True)
        return self._batches.each(identify(inputs), batches, steps.cell.model.identity)

    def _read_predictions(self, inferred: Sequence[Step]) -> Mapping[str, int]:
        """Return what one of these steps predicted, by id; nothing where none has been done.

        In half precision a pass that explains rounds otherwise than one that predicts alone, so
        that what is stored first would matter.
        """
        for step in inferred if self._plan.spec.run.precision == "float32" else ():
            if self._predicted is not None and self._predicted[0] == step.identity:
                return self._predicted[1]
            with self._store.reading([step.identity]):
                stored = self._store.fetch(step.stage, step.inputs, whole=True)
                if stored is not None:
                    self._predicted = step.identity, read_predictions(stored.path)
                    return self._predicted[1]
        return {}
