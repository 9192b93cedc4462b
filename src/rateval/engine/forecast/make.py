"""A plan looked over before it runs, and tried where that is asked for."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rateval.api.component import Context
from rateval.engine.forecast import risks
from rateval.engine.forecast.estimate import Cost, Estimator
from rateval.engine.forecast.forecast import Forecast, Measured, StageForecast
from rateval.engine.forecast.looking import look_over
from rateval.engine.forecast.measuring import count_devices, count_workers, measure
from rateval.engine.forecast.stored import find_kept, find_to_do
from rateval.engine.forecast.tokens import forecast_tokens
from rateval.engine.forecast.trying.trial import Trial, TrialRun
from rateval.engine.forecast.twins import find_representatives, name_steps
from rateval.engine.forecast.units import SHARDED, count_units
from rateval.engine.graph import make_graph
from rateval.engine.selection import select
from rateval.machine.device import resolve_device
from rateval.machine.precision import require_precision
from rateval.machine.readers import resolve_readers
from rateval.plan.cells import describe_grid
from rateval.plan.plan import Plan
from rateval.plan.shards import count_shards
from rateval.store.remote.mirror import local_folder
from rateval.training.processes import require_processes
from rateval.workbench.bench import Workbench
from rateval.workbench.build import require_factories

STAGES = (
    "finetune",
    "infer",
    "counterfactual",
    "judge",
    "score",
    "thresholds",
    "faithfulness",
    "agree",
)
"""Stages in the order in which a cell goes through them."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be told."""

    only: Sequence[str] = ()
    """Labels or patterns of the cells; all without any."""
    measure: bool = False
    """Whether a few batches are tried."""
    workers: int | None = None
    """Processes that take steps; those of the spec when None."""
    devices: int | None = None
    """Devices that they share; 1 when None, and none that counts on the CPU."""


def make_forecast(plan: Plan, asked: Asked, tell: Callable[[str], object]) -> Forecast:
    """Return what a run of a plan would do, take and keep. Nothing is written to its store.

    ``tell`` gets a line now and then while something is tried. Raises RatevalError as a run does
    before anything is trained.
    """
    return _Maker(plan, asked).make(tell)


class _Maker:
    """What a forecast is made with."""

    def __init__(self, plan: Plan, asked: Asked) -> None:
        options = plan.spec.run
        self._device = resolve_device(options.device)
        require_precision(options.precision, self._device)
        require_processes(options.processes, self._device)
        require_factories(plan.all_choices)
        self._plan, self._asked = plan, asked
        self._bench = Workbench(
            Context(device=self._device, readers=resolve_readers(options.readers))
        )
        self._graph = make_graph(plan, self._bench)
        self._selected = select(self._graph, asked.only)
        self._root = local_folder(options.output) / "store"
        self._kept = find_kept(self._graph, self._root)
        self._to_do = find_to_do(self._graph, self._selected, self._kept, reuse=options.reuse)
        self._units = count_units(plan, self._bench, self._graph)

    def make(self, tell: Callable[[str], object]) -> Forecast:
        """Return the forecast."""
        plan, output = self._plan, self._plan.spec.run.output
        free = shutil.disk_usage(_nearest(self._root)).free
        looked = look_over(plan, self._bench, self._graph, self._to_do)
        estimate = Estimator(plan, self._bench, self._graph, self._units, self._kept)
        begin = time.perf_counter()
        trial = self._try(tell) if self._asked.measure else None
        costs = {step: estimate.cost(self._graph.steps[step], trial) for step in self._to_do}
        stages = [self._sum_up(stage, costs) for stage in STAGES]
        asked = self._selected, self._to_do, self._units
        stages.append(forecast_tokens(plan, self._bench, self._graph, *asked))
        needed, unfinished = sum(stage.bytes or 0 for stage in stages), 0
        warnings: list[str] = []
        measured = None
        if trial is not None:
            measured = self._measure(costs, trial, time.perf_counter() - begin)
            unfinished = measured.unfinished
            warnings += self._warn_of_trial(trial, measured)
        warnings += risks.warn_of_masks(looked.masks)
        warnings += risks.warn_of_classes(looked.rows)
        warnings += risks.warn_of_disk(needed, unfinished, free, str(output))
        warnings += risks.warn_of_few(looked.images, plan.spec.statistics.level)
        cells = [steps for steps in self._graph.cells if steps.infer.identity in self._selected]
        return Forecast(
            study=plan.spec.study.name,
            grid=describe_grid(plan.choices, plan.seeds),
            cells=len(plan.cells),
            selected=len(cells),
            stages=tuple(stage for stage in stages if stage.steps),
            bytes=needed,
            bytes_whole=all(stage.bytes_whole for stage in stages),
            free=free,
            output=str(output),
            measured=measured,
            risks=tuple(warnings),
        )

    def _try(self, tell: Callable[[str], object]) -> Trial:
        cells = find_representatives(self._graph, set(self._to_do))
        reused = self._kept if self._plan.spec.run.reuse else {}
        return TrialRun(self._plan, self._bench, cells, self._root, reused, tell).run()

    def _measure(self, costs: Mapping[str, Cost], trial: Trial, taken: float) -> Measured:
        shards = {step: self._count_shards(step) for step in costs}
        params = self._plan.choices["executor"][0].params
        workers = count_workers(params, self._asked.workers)
        devices = count_devices(self._device, self._asked.devices)
        return measure(self._graph, costs, shards, trial, self._device, workers, devices, taken)

    def _warn_of_trial(self, trial: Trial, measured: Measured) -> list[str]:
        names = name_steps(self._graph)
        failed: dict[str, str] = {}
        for step in (self._graph.steps[identity] for identity in self._to_do):
            why = trial.failed.get(names[step.identity])
            if why is not None:
                failed.setdefault(why, f"{step.stage} {step.label}")
        return [
            *risks.warn_of_failures(failed),
            *risks.warn_of_memory(measured),
            *risks.warn_of_cores(measured),
            *risks.warn_of_longest(measured),
        ]

    def _count_shards(self, identity: str) -> int:
        """Return the pieces that a step falls into."""
        options, step = self._plan.spec.run, self._graph.steps[identity]
        if step.stage not in SHARDED:
            return 1
        return count_shards(self._units[identity], options.shard_size, options.batch_size)

    def _sum_up(self, stage: str, costs: Mapping[str, Cost]) -> StageForecast:
        steps = [step for step in self._graph.steps.values() if step.stage == stage]
        steps = [step for step in steps if step.identity in self._selected]
        todo = [step.identity for step in steps if step.identity in costs]
        sizes = [size for one in todo if (size := costs[one].bytes) is not None]
        times = [seconds for one in todo if (seconds := costs[one].seconds) is not None]
        whys = dict.fromkeys(costs[one].why for one in todo if costs[one].why)
        return StageForecast(
            stage=stage,
            steps=len(steps),
            stored=len(steps) - len(todo),
            to_do=len(todo),
            units=sum(self._units[one] for one in todo),
            shards=sum(map(self._count_shards, todo)) if stage in SHARDED else None,
            bytes=sum(sizes) if sizes or not todo else None,
            bytes_whole=all(costs[one].whole for one in todo),
            seconds=sum(times) if times or not todo else None,
            seconds_whole=len(times) == len(todo),
            why="; ".join(whys),
        )


def _nearest(folder: Path) -> Path:
    """Return a folder, or the nearest one above it that is there."""
    folder = folder.absolute()
    return next(one for one in (folder, *folder.parents) if one.is_dir())
