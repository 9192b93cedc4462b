"""Run a plan: every cell through the pipeline, then the scores, then the record."""

from __future__ import annotations

import time
from datetime import UTC, datetime

from rateval.api.component import Context
from rateval.api.protocols import Dataset
from rateval.engine.observers import Observers
from rateval.engine.pipeline import Pipeline
from rateval.errors import RatevalError
from rateval.machine.device import resolve_device
from rateval.machine.precision import require_precision
from rateval.plan.cells import Choice
from rateval.plan.plan import Plan
from rateval.progress import Reporter
from rateval.records.run import RunRecord
from rateval.registry.registry import Registry
from rateval.scoring.agreement import compare_explainers
from rateval.scoring.cells import score_cells
from rateval.scoring.judged import Judged
from rateval.scoring.summary import new_folder, summarise
from rateval.scoring.trainings import collect_curves
from rateval.store.store import Store
from rateval.training.processes import require_processes
from rateval.workbench.bench import Workbench


class Runner:
    """Run a plan cell by cell; made for one run.

    Raises RatevalError when the device or the output folder cannot be used, or a dataset lacks what
    the study needs: all before anything is trained.
    """

    def __init__(self, plan: Plan, registry: Registry, reporter: Reporter) -> None:
        options = plan.spec.run
        self._plan = plan
        self._observers = Observers(registry, reporter.warn)
        self._bench = Workbench(
            Context(device=resolve_device(options.device), readers=options.readers)
        )
        require_precision(options.precision, self._bench.context.device)
        require_processes(options.processes, self._bench.context.device)
        self._store = Store(options.output / "store", reuse=options.reuse)
        self._pipeline = Pipeline(plan, self._bench, self._store, reporter, self._observers)
        for choice in plan.datasets:
            for seed in plan.seeds_of(choice):
                _check_dataset(plan, choice, self._bench.object(choice, seed))
        for cell in plan.cells:  # a file that is not there is better missed now than hours later
            for choice in cell.choices:
                self._bench.inputs(choice, cell.seed)

    def run(self) -> RunRecord:
        """Run every cell and save the record; interrupted or failed, save what there is."""
        started, clock = datetime.now(UTC), time.perf_counter()
        self._observers.notify("rateval_run_started", plan=self._plan)
        judged: list[Judged] = []
        error: BaseException | None = None
        try:
            for cell in self._plan.cells:
                judged.append(self._pipeline.judge(cell))  # noqa: PERF401 - kept when interrupted
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
                cells=score_cells(judged, self._plan, self._bench, self._pipeline.reuse_or_make),
                trainings=collect_curves(judged),
                agreements=compare_explainers(judged, self._plan, self._store),
                stages=self._pipeline.stages,
            )
            if record.cells:
                record.save(new_folder(self._plan, started))
            self._observers.notify("rateval_run_finished", record=record)
        return record


def _check_dataset(plan: Plan, choice: Choice, dataset: Dataset) -> None:
    where = f'{plan.document.name}: dataset "{choice.label}"'
    if len(dataset.test) == 0:
        raise RatevalError(
            f"{where}: its test split holds no sample; check the dataset's path and parameters"
        )
