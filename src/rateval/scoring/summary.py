"""Put a run's record together from its plan and what its stages left."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from rateval.api.protocols import Dataset
from rateval.data.splits import limit_split
from rateval.machine.environment import describe_environment
from rateval.plan.cells import Choice
from rateval.plan.plan import Plan
from rateval.records.cell import CellRecord
from rateval.records.explainers import AgreementRecord
from rateval.records.run import DatasetRecord, RunRecord
from rateval.records.step import StageRecord
from rateval.records.trainings import CurveRecord
from rateval.scoring.ranking import find_ranking_changes
from rateval.scoring.seeds import summarise_seeds
from rateval.spec.tables import TABLES
from rateval.workbench.bench import Workbench


def summarise(
    plan: Plan,
    bench: Workbench,
    *,
    started: datetime,
    seconds: float,
    error: BaseException | None,
    cells: Sequence[CellRecord],
    trainings: tuple[CurveRecord, ...],
    agreements: Iterable[AgreementRecord],
    stages: Sequence[StageRecord],
) -> RunRecord:
    """Make the record of a run that ended, well or by ``error``."""
    spec = plan.spec
    status: Literal["finished", "interrupted", "failed"] = "finished"
    if error is not None:
        status = "interrupted" if isinstance(error, KeyboardInterrupt) else "failed"
    over_seeds = tuple(summarise_seeds(cells)) if len(plan.seeds) > 1 else ()
    return RunRecord(
        study=spec.study.name,
        protocol=spec.study.protocol,
        differences=plan.differences,
        status=status,
        error=None if error is None else f"{type(error).__name__}: {error}",
        started=started.isoformat(timespec="seconds"),
        seconds=round(seconds, 3),
        spec_name=plan.document.name,
        spec_given=plan.document.text,
        spec_resolved=_resolve(plan, bench),
        seeds=plan.seeds,
        limit=spec.run.limit,
        environment=describe_environment(
            bench.context.device,
            Path(plan.document.name).resolve().parent,
            {"rateval", *(choice.registered.plugin.distribution for choice in plan.all_choices)},
        ),
        datasets=tuple(
            _describe_dataset(plan, choice, seed, bench)
            for choice in plan.datasets
            for seed in plan.seeds_of(choice)
        ),
        stages=tuple(stages),
        cells=tuple(cells),
        over_seeds=over_seeds,
        trainings=trainings,
        agreements=tuple(agreements),
        ranking_changes=tuple(find_ranking_changes(cells, over_seeds)),
    )


def _resolve(plan: Plan, bench: Workbench) -> dict[str, Any]:
    resolved: dict[str, Any] = {"study": plan.spec.study.as_table()}
    for table in TABLES:
        resolved[table] = [
            {"name": choice.label} | _limits(choice) | _inputs(plan, choice, bench)
            for choice in plan.choices[table]
        ]
    faithfulness = plan.spec.faithfulness
    if faithfulness is not None:
        resolved["faithfulness"] = faithfulness.model_dump(mode="json")
    if plan.spec.held_out is not None:
        resolved["held_out"] = plan.spec.held_out.model_dump(mode="json")
    return resolved | {"run": plan.spec.run.model_dump(mode="json")}


def _limits(choice: Choice) -> dict[str, Any]:
    return {} if choice.finetuners is None else {"finetuners": list(choice.finetuners)}


def _inputs(plan: Plan, choice: Choice, bench: Workbench) -> dict[str, Any]:
    seeds = plan.seeds_of(choice)
    if choice.per_cell:
        return choice.describe()  # what placeholders stand for differs from cell to cell
    values = bench.inputs(choice, seeds[0])
    if len(seeds) == 1:
        return values
    return {key: value for key, value in values.items() if key != "seed"} | {"seeds": list(seeds)}


def _describe_dataset(
    plan: Plan, choice: Choice, seed: int | None, bench: Workbench
) -> DatasetRecord:
    dataset: Dataset = bench.object(choice, seed)
    limit = plan.spec.run.limit
    train = None if dataset.train is None else limit_split(dataset.train, limit)
    test = limit_split(dataset.test, limit)
    return DatasetRecord(
        name=choice.label,
        seed=seed,
        classes=dataset.classes,
        train_identity=None if train is None else train.identity,
        train_count=0 if train is None else len(train),
        test_identity=test.identity,
        test_count=len(test),
    )


def new_folder(plan: Plan, started: datetime) -> Path:
    """Name a folder for a run that no run has taken: ``<output>/<study>-<UTC time>``."""
    base = plan.spec.run.output / f"{plan.spec.study.name}-{started:%Y%m%d-%H%M%S}"
    folder, number = base, 2
    while folder.exists():
        folder, number = base.with_name(f"{base.name}-{number}"), number + 1
    return folder
