"""Run a plan: every cell through the pipeline, then the scores, then the record."""

from __future__ import annotations

import time
from datetime import UTC, datetime

from rateval.agreement import compare_explainers
from rateval.cells import Choice
from rateval.component import Context
from rateval.curves import collect_curves
from rateval.device import resolve_device
from rateval.errors import RatevalError
from rateval.observers import Observers
from rateval.pipeline import Pipeline
from rateval.plan import Plan
from rateval.plugins import Registry
from rateval.precision import require_precision
from rateval.processes import require_processes
from rateval.progress import Reporter
from rateval.protocols import Dataset
from rateval.run_record import RunRecord
from rateval.scoring import Judged, score_cells
from rateval.store import Store
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
        self._observers = Observers(registry, reporter.warn)
        self._bench = Workbench(
            Context(device=resolve_device(options.device), workers=options.workers)
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
    if not dataset.has_masks:
        raise RatevalError(
            f"{where}: has no evidence masks, and without them nobody can tell a right reason from "
            "a wrong one; use a dataset with masks (see rateval list dataset)"
        )
    if len(dataset.test) == 0:
        raise RatevalError(
            f"{where}: its test split holds no sample; check the dataset's path and parameters"
        )
