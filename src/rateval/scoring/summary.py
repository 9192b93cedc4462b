"""The record of a run, made from its plan and from what its steps left."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from rateval.machine.environment import describe_environment
from rateval.plan.plan import Plan
from rateval.records.about.environment import EnvironmentRecord
from rateval.records.about.parent import Basis
from rateval.records.about.pictures import PicturesRecord
from rateval.records.about.tokens import TokensRecord
from rateval.records.plan import PlanRecord
from rateval.records.run import RunRecord
from rateval.records.scores.seeds import SeedsRecord
from rateval.records.step import FailureRecord, StageRecord
from rateval.registry.python_file import PythonFile
from rateval.scoring.agreement import Pair, record_agreements
from rateval.scoring.asked import describe_datasets, resolve
from rateval.scoring.calibration import Calibrations
from rateval.scoring.cells import record_cells
from rateval.scoring.comparing import Comparer
from rateval.scoring.comparisons import Comparisons
from rateval.scoring.images import require_cluster
from rateval.scoring.judged import Judged
from rateval.scoring.ranking import find_ranking_changes
from rateval.scoring.seeds import summarise_seeds
from rateval.scoring.shared import SeedComparer
from rateval.scoring.shifts.shifts import record_shifts
from rateval.scoring.thresholds.crossings import Crossings
from rateval.scoring.trainings import collect_curves
from rateval.store.disk import writing
from rateval.store.remote.mirror import local_folder
from rateval.store.remote.runs import claim
from rateval.store.store import Stored
from rateval.workbench.bench import Workbench


@dataclass(frozen=True, slots=True)
class Found:
    """What a run has found so far."""

    status: Literal["running", "finished", "interrupted", "failed"]
    error: str | None
    judged: Sequence[Judged]
    agreements: Iterable[Sequence[tuple[Pair, Stored]]]
    stages: Sequence[StageRecord]
    failures: Sequence[FailureRecord]
    pictures: Sequence[PicturesRecord] = ()
    tokens: Sequence[TokensRecord] = ()


class Summary:
    """The record of a run, from its plan and from what was found so far."""

    def __init__(
        self,
        plan: Plan,
        bench: Workbench,
        started: datetime,
        only: Sequence[str],
        basis: Basis | None = None,
    ) -> None:
        self._plan, self._bench, self._started, self._only = plan, bench, started, tuple(only)
        self._basis = basis
        self._resolved = resolve(plan, bench, {} if basis is None else basis.entries)
        self._comparer = Comparer(plan, bench)
        self._calibrations = Calibrations(self._comparer)
        self._clock = time.perf_counter()
        self._base = _find_base()
        if basis is None:
            require_cluster(plan, bench)
        self._environment = self._describe_environment()
        self._datasets = describe_datasets(plan, bench) if basis is None else basis.datasets

    @property
    def plan(self) -> PlanRecord:
        """What the run is going to do, for observers."""
        plan = self._plan
        return PlanRecord(
            study=plan.spec.study.name,
            protocol=plan.spec.study.protocol,
            differences=plan.differences,
            spec_resolved=self._resolved,
            seeds=plan.seeds,
            keys=tuple(cell.key for cell in plan.cells),
        )

    def record(self, found: Found) -> RunRecord:
        """Return the record of the run as it is now."""
        plan = self._plan
        cells = record_cells(found.judged, self._comparer, self._calibrations)
        over_seeds: tuple[SeedsRecord, ...] = ()
        if len(plan.seeds) > 1:
            shared = SeedComparer(self._comparer, found.judged)
            over_seeds = tuple(summarise_seeds(cells, shared, self._comparer.level))
        # Pairs are many, and while the run goes on nobody asks for them.
        going = found.status == "running"
        compared = () if going else tuple(Comparisons(self._comparer).record(found.judged))
        shifts, orders = ((), ()) if going else record_shifts(self._comparer, found.judged)
        if found.status != "running":
            self._environment = self._describe_environment()  # with what was imported meanwhile
        return RunRecord(
            study=plan.spec.study.name,
            protocol=plan.spec.study.protocol,
            differences=plan.differences,
            status=found.status,
            parent=None if self._basis is None else self._basis.parent,
            error=found.error,
            started=self._started.isoformat(timespec="seconds"),
            written=datetime.now(UTC).isoformat(timespec="seconds"),
            seconds=round(time.perf_counter() - self._clock, 3),
            spec_name=plan.document.name,
            spec_given=plan.document.text,
            base=self._base,
            overrides=plan.document.overrides,
            only=self._only,
            spec_resolved=self._resolved,
            seeds=plan.seeds,
            limit=plan.spec.run.limit,
            limit_by=None if plan.spec.run.limit is None else plan.spec.run.limit_by,
            environment=self._environment,
            datasets=self._datasets,
            planned=tuple(cell.key for cell in plan.cells),
            stages=tuple(found.stages),
            cells=tuple(cells),
            failures=tuple(found.failures),
            pictures=tuple(found.pictures),
            tokens=tuple(found.tokens),
            over_seeds=over_seeds,
            trainings=collect_curves(found.judged),
            agreements=tuple(
                record_agreements(found.agreements, plan, () if going else found.judged)
            ),
            comparisons=compared,
            shifts=shifts,
            shift_orders=orders,
            crossings=() if going else tuple(Crossings(self._comparer).record(found.judged)),
            ranking_changes=tuple(find_ranking_changes(over_seeds or cells, compared)),
        )

    def _describe_environment(self) -> EnvironmentRecord:
        plan = self._plan
        taken = () if self._basis is None else self._basis.entries
        tables = (choices for table, choices in plan.choices.items() if table not in taken)
        plugins = [choice.registered.plugin for choices in tables for choice in choices]
        return describe_environment(
            self._bench.context.device,
            self._bench.context.readers,
            Path(plan.document.name).resolve().parent,
            {"rateval", *(p.distribution for p in plugins if not isinstance(p, PythonFile))},
            {str(p.path): p.version for p in plugins if isinstance(p, PythonFile)},
        )


def _find_base() -> str | None:
    """Return the current folder; None where there is none, or its name is no text."""
    try:
        found = str(Path.cwd())
        found.encode()
    except (OSError, UnicodeError):
        return None
    return found


def new_folder(plan: Plan, started: datetime) -> Path:
    """Make a folder for a run that no run has taken: ``<output>/<study>-<UTC time>``.

    Raises StudyError when it cannot be made.
    """
    base = local_folder(plan.spec.run.output) / f"{plan.spec.study.name}-{started:%Y%m%d-%H%M%S}"
    folder, number = base, 2
    with writing(base.parent):
        while True:
            try:
                folder.mkdir(parents=True)
            except FileExistsError:  # of a run that began in the same second
                taken = True
            else:
                taken = not claim(folder)
            if not taken:
                return folder
            folder, number = base.with_name(f"{base.name}-{number}"), number + 1
