"""Test splits predicted, explained and edited: what is done with a classifier at hand."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from rateval.api.training import Monitor
from rateval.data.batches import Batch
from rateval.engine.blame import blaming
from rateval.engine.cell_steps import CellSteps
from rateval.engine.companions import Companions, part_of
from rateval.engine.doing.editing import BATCH_BYTES, Editing
from rateval.engine.doing.jobs import Jobs
from rateval.engine.handing_out.shards import Divisible, WritePart
from rateval.errors import StudyError, explain_error
from rateval.machine.precision import in_precision
from rateval.plan.plan import Plan
from rateval.plan.shards import align
from rateval.records.about.pictures import PICTURES
from rateval.records.facts import (
    CounterfactualFacts,
    FaithfulnessFacts,
    InferFacts,
    PicturesFacts,
    TokensFacts,
)
from rateval.records.step import Step
from rateval.stages.counterfactual import merge_answers
from rateval.stages.faithfulness import Options, faithfulness
from rateval.stages.infer import infer, infer_each, merge, require_samples
from rateval.stages.tokens import list_drawn, tokens
from rateval.store.identity import identify
from rateval.store.store import Store, Stored
from rateval.workbench.bench import Workbench
from rateval.workbench.cell import Job
from rateval.workbench.kept import Kept
from rateval.workbench.verdicts.outcomes import read_predictions


class Evaluating:
    """The doing of steps that need a classifier, with what several of them share kept."""

    def __init__(self, plan: Plan, bench: Workbench, store: Store) -> None:
        self._plan, self._bench, self._store = plan, bench, store
        self._size = align(plan.spec.run.shard_size, plan.spec.run.batch_size)
        self._editing = Editing()
        self._batches: Kept[Batch] = Kept(BATCH_BYTES)
        """Small test splits as they were read, for other methods and explainers."""
        self.companions = Companions(store)
        self._jobs = Jobs(plan, bench, store)
        self._predicted: tuple[str, Mapping[str, tuple[int, str]]] | None = None
        """What the step predicted that was asked for last."""

    def forget_job(self) -> None:
        """Let go of the live objects of the step that was done last."""
        self._jobs.forget()

    def shares(self, step: Step) -> bool:
        """Return whether a step is done in parts, which several workers may have."""
        return (step.units or 0) > self._size

    def infer(self, steps: CellSteps, sharing: Sequence[CellSteps] = ()) -> Divisible:
        """Return how each image of the test split is predicted and explained.

        ``sharing`` are the cells of the plan, this one among them, that one pass explains.
        """
        step, companions = steps.infer, self.companions

        @contextmanager
        def opened(monitor: Monitor) -> Iterator[WritePart]:
            def write(part: range, folder: Path) -> InferFacts:
                facts = companions.take(part_of(step, part), folder)
                if facts is None:
                    facts = self._infer(steps, sharing, part, monitor, folder)
                return require_samples(facts) if len(part) == step.units else facts

            yield write

        def spent(part: range) -> float:
            return companions.spent(part_of(step, part))

        def put_together(shards: Sequence[Stored], folder: Path) -> InferFacts:
            facts = [InferFacts.model_validate(shard.facts) for shard in shards]
            paths = [shard.path for shard in shards]
            return require_samples(merge(list(zip(paths, facts, strict=True)), folder))

        return Divisible(step, self._size, opened, put_together, spent)

    def _infer(
        self,
        steps: CellSteps,
        sharing: Sequence[CellSteps],
        part: range,
        monitor: Monitor,
        folder: Path,
    ) -> InferFacts:
        """Explain a part of a test for one cell, and for those beside it ahead of their turn."""
        beside = self.companions.beside(sharing, part)
        if beside:
            try:
                return self._infer_several(steps, beside, sharing, part, monitor, folder)
            except StudyError:
                raise
            except (Exception, SystemExit) as error:
                # Whoever is at fault fails by itself, and the others have their results.
                self.companions.part()
                for path in folder.iterdir():
                    path.unlink()
                why = explain_error(error)
                monitor.advance(0, f"explained one by one, as several at once failed: {why}")
        with self._working([steps], steps.infer, sharing) as job:
            return infer(job, part, monitor, folder, self._read(steps, job, part))

    def _infer_several(
        self,
        steps: CellSteps,
        beside: Sequence[CellSteps],
        sharing: Sequence[CellSteps],
        part: range,
        monitor: Monitor,
        folder: Path,
    ) -> InferFacts:
        started = time.perf_counter()
        others = [part_of(one.infer, part) for one in beside]
        folders = self.companions.folders(others)
        with self._working([steps, *beside], steps.infer, sharing) as job:
            batches = self._read(steps, job, part)
            facts, *ahead = infer_each(job, part, monitor, [folder, *folders], batches)
        for other, written, found in zip(others, folders, ahead, strict=True):
            self.companions.leave(other, written, found)
        self.companions.share(time.perf_counter() - started, part_of(steps.infer, part), others)
        return facts

    def counterfactual(self, steps: CellSteps, inferred: Sequence[Step]) -> Divisible:
        """Return how a classifier is asked about edited images, which some steps predict whole."""
        step = steps.counterfactual
        assert step is not None

        @contextmanager
        def opened(monitor: Monitor) -> Iterator[WritePart]:
            with self._working([steps], step) as job:
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
        with self._working([steps], step, [steps]) as job:
            inferred = self._store.path_of("infer", steps.infer.identity)
            return faithfulness(job, Options(**step.inputs["options"]), inferred, monitor, folder)

    def tokens(self, steps: CellSteps, step: Step, folder: Path, monitor: Monitor) -> TokensFacts:
        """Explain single tokens of what a cell answered to the units of a step of pictures."""
        asked = step.inputs
        pictured = self._store.path_of(PICTURES, asked[PICTURES])
        inferred = self._store.path_of("infer", steps.infer.identity)
        stored = self._store.find(PICTURES, asked[PICTURES])
        assert stored is not None  # the step needs it
        facts = PicturesFacts.model_validate(stored.facts)
        file = pictured / facts.views[0].file
        drawn = list_drawn(file, tuple(facts.strata), inferred, asked["units"])
        with self._working([steps], step, [steps]) as job:
            return tokens(job, drawn, asked["most"], monitor, folder)

    @contextmanager
    def _working(
        self, several: Sequence[CellSteps], step: Step, sharing: Sequence[CellSteps] | None = None
    ) -> Iterator[Job]:
        """Yield the live objects of a step, with its errors those of its components.

        It is done for ``several`` cells that differ in their attributions, which explain along with
        those that they are ``sharing`` a pass with in the plan; None where nothing is explained.
        """
        cell = several[0].cell
        explainers = () if sharing is None else [steps.cell.attribution for steps in several]
        job = self._jobs.find(several, step, sharing)
        with (
            blaming(*explainers, cell.finetuner, cell.model),
            in_precision(job.classifier.model, self._plan.spec.run.precision, job.device),
        ):
            yield job

    def _read(self, steps: CellSteps, job: Job, part: range) -> Iterable[Batch]:
        """Return the batches of a part of a test split, which small ones are kept of."""
        inputs = {name: steps.infer.inputs[name] for name in ("test", "shift")}
        inputs |= {"model": self._bench.inputs(steps.cell.model, steps.cell.seed)}
        inputs |= {"part": [part.start, part.stop], "at once": job.batch_size}
        batches = job.batches(part, masks=True)
        return self._batches.each(identify(inputs), batches, steps.cell.model.identity)

    def _read_predictions(self, inferred: Sequence[Step]) -> Mapping[str, tuple[int, str]]:
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
