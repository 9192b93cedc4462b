"""From what a trial measured to the whole run: work, time by so many workers, memory."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain

import torch

from rateval.engine.cell_steps import Graph
from rateval.engine.forecast.estimate import Cost
from rateval.engine.forecast.forecast import Measured, Peak
from rateval.engine.forecast.schedule import Task, divide, least_seconds, list_schedule
from rateval.engine.forecast.trying.memory import read_available
from rateval.engine.forecast.trying.trial import Trial
from rateval.records.step import Step

_LIVE = ("finetune", "infer", "counterfactual", "faithfulness")
"""Stages that load a model."""


def measure(
    graph: Graph,
    costs: Mapping[str, Cost],
    shards: Mapping[str, int],
    trial: Trial,
    device: str,
    workers: int,
    devices: int | None,
    taken: float,
) -> Measured:
    """Return what a trial, which has ``taken`` so many seconds, says of the steps to be done.

    ``shards`` are the pieces that a step can be spread over workers in, 1 for most.
    """
    todo = [step for step in graph.steps.values() if step.identity in costs]
    loads = _list_loads(graph, trial)
    tasks = [_make_task(step, costs[step.identity], loads) for step in todo]
    spread = list(chain.from_iterable(divide(task, shards[task.name]) for task in tasks))
    alone = [max(divide(task, shards[task.name]), key=lambda one: one.seconds) for task in tasks]
    slowest = max(range(len(tasks)), key=lambda at: alone[at].seconds, default=None)
    loaded = {name: seconds for task in tasks for name, seconds in task.loads.items()}
    peaks = [Peak(model, doing, size) for (model, doing), size in trial.peaks.items()]
    name = "" if slowest is None else f"{todo[slowest].stage} {todo[slowest].label}"
    return Measured(
        device=device,
        threads=torch.get_num_threads(),
        workers=workers,
        devices=devices,
        work=sum(task.seconds for task in tasks) + sum(loaded.values()),
        wall=list_schedule(spread, workers, devices),
        least=least_seconds(spread, workers),
        whole=all(cost.seconds is not None for cost in costs.values()),
        longest=name,
        longest_seconds=0.0 if slowest is None else alone[slowest].seconds,
        peaks=tuple(peaks),
        available=read_available(device),
        trial=taken,
        unfinished=workers * max((fit.unfinished for fit in trial.fits.values()), default=0),
    )


def _list_loads(graph: Graph, trial: Trial) -> dict[str, dict[str, float]]:
    """Return the seconds of loading its model, by the identity of each step that needs one."""
    found = {}
    for steps in graph.cells:
        model = steps.cell.model.identity
        for step in steps:
            if step.stage in _LIVE and model in trial.loads:
                found[step.identity] = {model: trial.loads[model]}
    return found


def _make_task(step: Step, cost: Cost, loads: Mapping[str, Mapping[str, float]]) -> Task:
    return Task(
        step.identity,
        cost.seconds or 0.0,
        step.needs,
        step.demand.device,
        loads.get(step.identity, {}),
    )


def count_workers(params: object, asked: int | None) -> int:
    """Return how many processes take steps: as asked for, or as the executor's params say."""
    own = getattr(params, "workers", 1)
    return asked or (own if isinstance(own, int) else 1)


def count_devices(device: str, asked: int | None) -> int | None:
    """Return how many devices workers share; None on the CPU, whose cores they share anyway.

    >>> count_devices("cpu", 2), count_devices("cuda:0", None), count_devices("cuda:0", 4)
    (None, 1, 4)
    """
    return None if device == "cpu" else asked or 1
