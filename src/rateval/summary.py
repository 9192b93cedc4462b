"""Put a run's record together from its plan and what its stages left."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from rateval.explainer_records import AgreementRecord
from rateval.plan import Choice, Plan
from rateval.protocols import Dataset
from rateval.provenance import describe_environment
from rateval.ranking import find_ranking_changes
from rateval.run_record import CellRecord, DatasetRecord, RunRecord, StageRecord
from rateval.spec import TABLES
from rateval.splits import limit_split
from rateval.workbench import Workbench


def summarise(
    plan: Plan,
    bench: Workbench,
    *,
    started: datetime,
    seconds: float,
    error: BaseException | None,
    cells: Sequence[CellRecord],
    agreements: Iterable[AgreementRecord],
    stages: Sequence[StageRecord],
) -> RunRecord:
    """Make the record of a run that ended, well or by ``error``."""
    spec = plan.spec
    status: Literal["finished", "interrupted", "failed"] = "finished"
    if error is not None:
        status = "interrupted" if isinstance(error, KeyboardInterrupt) else "failed"
    return RunRecord(
        study=spec.study.name,
        status=status,
        error=None if error is None else f"{type(error).__name__}: {error}",
        started=started.isoformat(timespec="seconds"),
        seconds=round(seconds, 3),
        spec_name=plan.document.name,
        spec_given=plan.document.text,
        spec_resolved=_resolve(plan, bench),
        seed=spec.study.seed,
        limit=spec.run.limit,
        environment=describe_environment(
            bench.context.device,
            Path(plan.document.name).resolve().parent,
            {"rateval", *(choice.registered.plugin.distribution for choice in plan.all_choices)},
        ),
        datasets=tuple(_describe_dataset(plan, choice, bench) for choice in plan.datasets),
        stages=tuple(stages),
        cells=tuple(cells),
        agreements=tuple(agreements),
        ranking_changes=tuple(find_ranking_changes(cells)),
    )


def _resolve(plan: Plan, bench: Workbench) -> dict[str, Any]:
    resolved: dict[str, Any] = {"study": plan.spec.study.model_dump(mode="json")}
    for table in TABLES:
        resolved[table] = [
            {"name": choice.label} | bench.inputs(choice) for choice in plan.choices[table]
        ]
    faithfulness = plan.spec.faithfulness
    if faithfulness is not None:
        resolved["faithfulness"] = faithfulness.model_dump(mode="json")
    return resolved | {"run": plan.spec.run.model_dump(mode="json")}


def _describe_dataset(plan: Plan, choice: Choice, bench: Workbench) -> DatasetRecord:
    dataset: Dataset = bench.object(choice)
    limit = plan.spec.run.limit
    train = None if dataset.train is None else limit_split(dataset.train, limit)
    test = limit_split(dataset.test, limit)
    return DatasetRecord(
        name=choice.label,
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
