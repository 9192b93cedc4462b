"""The stages of a cell in their order, each computed or found in the store."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from rateval.api.protocols import Classifier, Dataset, Monitor, Split
from rateval.data.splits import limit_split
from rateval.engine.observers import Observers
from rateval.errors import PluginError, RatevalError
from rateval.machine.precision import in_precision
from rateval.plan.cells import Cell, Choice
from rateval.plan.plan import Plan
from rateval.progress import Reporter
from rateval.records.step import StageRecord
from rateval.scoring.judged import Judged
from rateval.stages.faithfulness import Options, faithfulness
from rateval.stages.finetune import restore, save_state
from rateval.stages.infer import infer, merge, require_samples
from rateval.stages.judge import judge
from rateval.store.store import Store, Stored, identify, identify_result
from rateval.training.fitting import Fitting
from rateval.training.processes import Team, fit_together
from rateval.workbench.bench import Workbench
from rateval.workbench.cell import Job, task_of

PART_SIZE = 4096
"""Images of a larger test split that are kept together while the rest is still inferred."""


class Pipeline:
    """Take cells of a plan through load, finetune, infer and judge."""

    def __init__(
        self,
        plan: Plan,
        bench: Workbench,
        store: Store,
        reporter: Reporter,
        observers: Observers,
    ) -> None:
        self._plan = plan
        self._bench = bench
        self._store = store
        self._reporter = reporter
        self._observers = observers
        self.stages: list[StageRecord] = []
        """What was done so far, each result once."""

    def judge(self, cell: Cell) -> Judged:
        """Run the stages of a cell. Raises RatevalError that names the cell."""
        try:
            finetuned = self._finetune(cell)
            inferred = self._infer(cell, finetuned)
            verdicts = tuple(self._judge(cell, inferred, c) for c in self._plan.validators)
            faithful = self._faithfulness(cell, finetuned, inferred)
        except RatevalError as error:
            error.args = (f"{cell.label}: {error}",)  # a plugin's own kind of it stays what it is
            raise
        return Judged(cell, finetuned, inferred, verdicts, faithful)

    def reuse_or_make(
        self,
        stage: str,
        label: str,
        inputs: Mapping[str, Any],
        write: Callable[[Path], Mapping[str, Any]],
    ) -> Stored:
        """Find a result of these inputs or compute it, and tell everybody."""
        stored = self._store.reuse_or_make(stage, inputs, write)
        self._finished(stage, label, stored)
        return stored

    def _finished(self, stage: str, label: str, stored: Stored) -> None:
        record = StageRecord(
            stage=stage,
            label=label,
            identity=stored.identity,
            reused=stored.reused,
            seconds=stored.seconds,
        )
        # Cells share stages: one classifier serves all test sets of its training split.
        if (stage, stored.identity) not in {(s.stage, s.identity) for s in self.stages}:
            self.stages.append(record)
            self._reporter.finished(record, stored.facts.get("count"))
            self._observers.notify("rateval_stage_finished", stage=record)

    def _load(self, cell: Cell, choice: Choice) -> None:
        if self._bench.has(choice, cell.seed):
            return
        label = choice.label + cell.seed_note(choice)
        clock = time.perf_counter()
        with self._reporter.watch("load", label):
            self._bench.object(choice, cell.seed)
        identity = identify(self._bench.inputs(choice, cell.seed))
        seconds = round(time.perf_counter() - clock, 3)
        self._finished("load", label, Stored("load", identity, Path(), {}, False, seconds))

    def _finetune(self, cell: Cell) -> Stored:
        fitting = Fitting(self._plan, self._bench, cell)
        inputs, label = fitting.inputs, fitting.label

        def compute(folder: Path) -> Mapping[str, Any]:
            unfinished = self._store.unfinished("finetune", inputs)
            processes = self._plan.spec.run.processes
            with self._reporter.watch("finetune", label) as monitor:
                if processes > 1 and fitting.trains:
                    context = self._bench.context
                    team = Team(self._plan, cell, context, processes, unfinished, folder)
                    facts = fit_together(team, monitor)
                else:
                    classifier, facts = fitting.fit(monitor, unfinished)
                    save_state(classifier, folder, inputs)
                    self._bench.keep_classifier(identify_result("finetune", inputs), classifier)
            shutil.rmtree(unfinished, ignore_errors=True)
            return facts

        if self._store.fetch("finetune", inputs) is None:
            self._load(cell, cell.model)  # out here, so that its time is not counted as training
        return self.reuse_or_make("finetune", label, inputs, compute)

    def _classifier(self, cell: Cell, finetuned: Stored) -> Classifier:
        classifier = self._bench.classifier(finetuned.identity)
        if classifier is None:
            self._load(cell, cell.model)
            classifier = restore(
                self._bench.object(cell.finetuner, cell.seed),
                self._bench.copy_model(cell.model, cell.seed),
                self._bench.object(cell.dataset, cell.seed).classes,
                finetuned.path,
            )
            self._bench.keep_classifier(finetuned.identity, classifier)
        return classifier

    def _infer(self, cell: Cell, finetuned: Stored) -> Stored:
        dataset: Dataset = self._bench.object(cell.dataset, cell.seed)
        test = self._limited(dataset.test)
        inputs = {
            "classifier": finetuned.identity,
            "test": test.identity,
            "shift": None if cell.shift is None else self._bench.inputs(cell.shift, cell.seed),
            "attribution": self._bench.inputs(cell.attribution, cell.seed),
        }
        precision = self._plan.spec.run.precision
        if precision != "float32":
            inputs["precision"] = precision

        parts: list[Stored] = []

        def compute(folder: Path) -> Mapping[str, Any]:
            job = self._job(cell, finetuned)
            blamed = _blaming(cell.attribution, cell.finetuner)
            with self._reporter.watch("infer", cell.label) as monitor, blamed, self._lowered(job):
                monitor.begin(len(test))
                if len(test) <= PART_SIZE:
                    return require_samples(infer(job, range(len(test)), monitor, folder))
                parts.extend(self._infer_parts(job, inputs, monitor))
                return require_samples(merge([(p.path, p.facts) for p in parts], folder))

        stored = self.reuse_or_make("infer", cell.label, inputs, compute)
        for part in parts:  # only now: an interruption must find either them or the whole
            self._store.discard(part)
        return stored

    def _infer_parts(
        self, job: Job, inputs: Mapping[str, Any], monitor: Monitor
    ) -> Iterator[Stored]:
        """Keep each part of a large split as it is done, so that an interruption loses little."""
        for start in range(0, len(job.split), PART_SIZE):
            part = range(start, min(start + PART_SIZE, len(job.split)))
            values = {**inputs, "part": [part.start, part.stop]}
            stored = self._store.fetch("infer-part", values)
            if stored is not None:
                monitor.advance(len(part))
            write = partial(infer, job, part, monitor)
            yield stored or self._store.make("infer-part", values, write)

    def _judge(self, cell: Cell, inferred: Stored, choice: Choice) -> Stored:
        validator_inputs = self._bench.inputs(choice, cell.seed)
        inputs = {"inferred": inferred.identity, "validator": validator_inputs}
        label = f"{cell.label} by {choice.label}"

        def compute(folder: Path) -> Mapping[str, Any]:
            batch_size = self._plan.spec.run.batch_size
            with self._reporter.watch("judge", label) as monitor, _blaming(choice):
                validator = self._bench.object(choice, cell.seed)
                device = self._bench.context.device
                return judge(validator, inferred.path, batch_size, monitor, folder, device)

        return self.reuse_or_make("judge", label, inputs, compute)

    def _faithfulness(self, cell: Cell, finetuned: Stored, inferred: Stored) -> Stored | None:
        options = self._plan.spec.faithfulness
        if options is None:
            return None
        asked = options.model_dump()
        inputs = {"inferred": inferred.identity, "options": asked}
        label = f"{cell.label} by {cell.attribution.label}"

        def compute(folder: Path) -> Mapping[str, Any]:
            job = self._job(cell, finetuned)
            blamed = _blaming(cell.attribution, cell.finetuner)
            with self._reporter.watch("faithfulness", label) as monitor, blamed, self._lowered(job):
                return faithfulness(job, Options(**asked), inferred.path, monitor, folder)

        return self.reuse_or_make("faithfulness", label, inputs, compute)

    def _job(self, cell: Cell, finetuned: Stored) -> Job:
        dataset: Dataset = self._bench.object(cell.dataset, cell.seed)
        options = self._plan.spec.run
        return Job(
            self._classifier(cell, finetuned),
            self._bench.object(cell.attribution, cell.seed),
            self._limited(dataset.test),
            None if cell.shift is None else self._bench.object(cell.shift, cell.seed),
            task_of(dataset),
            self._bench.context.device,
            options.batch_size,
            options.readers,
        )

    def _lowered(self, job: Job) -> AbstractContextManager[None]:
        return in_precision(job.classifier.model, self._plan.spec.run.precision, job.device)

    def _limited(self, split: Split) -> Split:
        return limit_split(split, self._plan.spec.run.limit)


@contextmanager
def _blaming(*choices: Choice) -> Iterator[None]:
    """Name the components in use when one of them breaks its protocol."""
    try:
        yield
    except PluginError as error:
        names = [f'{c.registered.kind} "{c.label}" of {c.registered.plugin}' for c in choices]
        raise PluginError(f"{error} ({', '.join(names)})") from error
