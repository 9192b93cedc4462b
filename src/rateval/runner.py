"""Compose the stages into a run. This module alone knows their order."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rateval.component import Context
from rateval.device import resolve_device
from rateval.errors import PluginError, RatevalError
from rateval.observers import Observers
from rateval.plan import Cell, Choice, Plan
from rateval.plugins import Registry
from rateval.progress import Reporter
from rateval.protocols import Classifier, Dataset, Finetuner, Split
from rateval.run_record import RunRecord, StageRecord
from rateval.scoring import Judged, score_cells
from rateval.splits import WatchedSplit, limit_split
from rateval.stages.finetune import finetune, restore, save_state
from rateval.stages.infer import InferOptions, infer
from rateval.stages.validate import validate
from rateval.store import Store, Stored, identify, identify_result
from rateval.summary import new_folder, summarise
from rateval.workbench import Workbench


class Runner:
    """Run a plan cell by cell; made for one run.

    Raises RatevalError when the device or the output folder cannot be used, or a dataset lacks what
    the study needs: all before anything is trained.
    """

    def __init__(self, plan: Plan, registry: Registry, reporter: Reporter) -> None:
        options = plan.spec.run
        self._plan = plan
        self._reporter = reporter
        self._observers = Observers(registry, reporter.warn)
        context = Context(device=resolve_device(options.device), seed=plan.spec.study.seed)
        self._bench = Workbench(context)
        self._store = Store(options.output / "store", reuse=options.reuse)
        self._stages: list[StageRecord] = []
        for choice in plan.datasets:
            _check_dataset(plan, choice, self._bench.object(choice))

    def run(self) -> RunRecord:
        """Run every cell and save the record; interrupted or failed, save what there is."""
        started, clock = datetime.now(UTC), time.perf_counter()
        self._observers.notify("rateval_run_started", plan=self._plan)
        judged: list[Judged] = []
        error: BaseException | None = None
        try:
            for cell in self._plan.cells:
                judged.append(self._judge(cell))  # noqa: PERF401 - kept when interrupted
        except BaseException as problem:
            error = problem
            raise
        finally:
            record = summarise(
                self._plan,
                self._bench,
                started=started,
                seconds=time.perf_counter() - clock,
                error=error,
                cells=score_cells(judged, self._plan, self._bench, self._reuse_or_make),
                stages=self._stages,
            )
            if record.cells:
                record.save(new_folder(self._plan, started))
            self._observers.notify("rateval_run_finished", record=record)
        return record

    def _reuse_or_make(
        self,
        stage: str,
        label: str,
        inputs: Mapping[str, Any],
        write: Callable[[Path], Mapping[str, Any]],
    ) -> Stored:
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
        if (stage, stored.identity) not in {(s.stage, s.identity) for s in self._stages}:
            self._stages.append(record)
            self._reporter.finished(record, stored.facts.get("count"))
            self._observers.notify("rateval_stage_finished", stage=record)

    # The stages, in their order.

    def _load(self, choice: Choice) -> None:
        if self._bench.has(choice):
            return
        clock = time.perf_counter()
        with self._reporter.watch("load", choice.label):
            self._bench.object(choice)
        identity = identify(self._bench.inputs(choice))
        seconds = round(time.perf_counter() - clock, 3)
        self._finished("load", choice.label, Stored("load", identity, Path(), {}, False, seconds))

    def _finetune(self, cell: Cell) -> Stored:
        dataset: Dataset = self._bench.object(cell.dataset)
        finetuner: Finetuner = self._bench.object(cell.finetuner)
        train = None
        if finetuner.trains and dataset.train is not None:
            train = self._limited(dataset.train)
        label = f"{cell.model.label} · {cell.finetuner.label}"
        inputs = {
            "model": self._bench.inputs(cell.model),
            "finetuner": self._bench.inputs(cell.finetuner),
            "classes": list(dataset.classes),
            "train": None if train is None else train.identity,
        }

        def compute(folder: Path) -> Mapping[str, Any]:
            model = self._bench.copy_model(cell.model)
            with self._reporter.watch("finetune", label) as monitor:
                watched = None if train is None else WatchedSplit(train)
                classifier = finetune(finetuner, model, watched, dataset.classes, monitor)
            save_state(classifier, folder)
            self._bench.keep_classifier(identify_result("finetune", inputs), classifier)
            skipped = [] if watched is None else [asdict(s) for s in watched.skipped]
            return {"trained": finetuner.trains, "skipped": skipped}

        if self._store.fetch("finetune", inputs) is None:
            self._load(cell.model)  # out here, so that its time is not counted as training
        return self._reuse_or_make("finetune", label, inputs, compute)

    def _classifier(self, cell: Cell, finetuned: Stored) -> Classifier:
        classifier = self._bench.classifier(finetuned.identity)
        if classifier is None:
            self._load(cell.model)
            classifier = restore(
                self._bench.object(cell.finetuner),
                self._bench.copy_model(cell.model),
                self._bench.object(cell.dataset).classes,
                finetuned.path,
            )
            self._bench.keep_classifier(finetuned.identity, classifier)
        return classifier

    def _infer(self, cell: Cell, finetuned: Stored) -> Stored:
        dataset: Dataset = self._bench.object(cell.dataset)
        test = self._limited(dataset.test)
        options = self._plan.spec.run
        inputs = {
            "classifier": finetuned.identity,
            "test": test.identity,
            "shift": None if cell.shift is None else self._bench.inputs(cell.shift),
            "attribution": self._bench.inputs(cell.attribution),
        }

        def compute(folder: Path) -> Mapping[str, Any]:
            classifier = self._classifier(cell, finetuned)
            blamed = _blaming(cell.attribution, cell.finetuner)
            with self._reporter.watch("infer", cell.label) as monitor, blamed:
                return infer(
                    classifier,
                    self._bench.object(cell.attribution),
                    test,
                    None if cell.shift is None else self._bench.object(cell.shift),
                    len(dataset.classes),
                    InferOptions(self._bench.context.device, options.batch_size, options.workers),
                    monitor,
                    folder,
                )

        return self._reuse_or_make("infer", cell.label, inputs, compute)

    def _validate(self, cell: Cell, inferred: Stored, choice: Choice) -> Stored:
        inputs = {"inferred": inferred.identity, "validator": self._bench.inputs(choice)}
        label = f"{cell.label} by {choice.label}"

        def compute(folder: Path) -> Mapping[str, Any]:
            batch_size = self._plan.spec.run.batch_size
            with self._reporter.watch("validate", label) as monitor, _blaming(choice):
                validator = self._bench.object(choice)
                return validate(validator, inferred.path, batch_size, monitor, folder)

        return self._reuse_or_make("validate", label, inputs, compute)

    def _judge(self, cell: Cell) -> Judged:
        try:
            return self._run_stages(cell)
        except RatevalError as error:
            raise type(error)(f"{cell.label}: {error}") from error

    def _run_stages(self, cell: Cell) -> Judged:
        finetuned = self._finetune(cell)
        inferred = self._infer(cell, finetuned)
        verdicts = tuple(self._validate(cell, inferred, c) for c in self._plan.validators)
        return Judged(cell, finetuned, inferred, verdicts)

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


def _check_dataset(plan: Plan, choice: Choice, dataset: Dataset) -> None:
    where = f'{plan.document.name}: dataset "{choice.label}"'
    if not dataset.has_masks:
        raise RatevalError(
            f"{where}: has no evidence masks, and without them nobody can tell a right reason from "
            "a wrong one; use a dataset with masks (see rateval list dataset)"
        )
    if len(dataset.test) == 0:
        raise RatevalError(
            f"{where}: its test split holds no sample; check the dataset's path and parameters"
        )
