"""The hooks that a plugin may implement: they register and observe, classes do the work."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pluggy

from rateval.api.component import Component
from rateval.api.kinds import KINDS, Kind

if TYPE_CHECKING:
    from rich.console import Console

    from rateval.records.plan import PlanRecord
    from rateval.records.run import RunRecord
    from rateval.records.step import FailureRecord, StageRecord

PROJECT = "rateval"
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)

REGISTRATION: dict[str, Kind] = {facts.hook: kind for kind, facts in KINDS.items()}
"""Registration hook to the kind of the components it returns."""


@hookspec
def rateval_register_models() -> list[Component]:  # type: ignore[empty-body]  # a specification
    """Return the models this plugin offers; their objects follow ``rateval.api.Model``."""


@hookspec
def rateval_register_finetuners() -> list[Component]:  # type: ignore[empty-body]
    """Return the fine-tuning methods; their objects follow ``rateval.api.Finetuner``."""


@hookspec
def rateval_register_attributions() -> list[Component]:  # type: ignore[empty-body]
    """Return the attributions; their objects follow ``rateval.api.Attribution``."""


@hookspec
def rateval_register_validators() -> list[Component]:  # type: ignore[empty-body]
    """Return the evidence validators; their objects follow ``rateval.api.Validator``."""


@hookspec
def rateval_register_metrics() -> list[Component]:  # type: ignore[empty-body]
    """Return the metrics; their objects follow ``rateval.api.Metric``."""


@hookspec
def rateval_register_datasets() -> list[Component]:  # type: ignore[empty-body]
    """Return the datasets; their objects follow ``rateval.api.Dataset``."""


@hookspec
def rateval_register_shifts() -> list[Component]:  # type: ignore[empty-body]
    """Return the distribution shifts; their objects follow ``rateval.api.Shift``."""


@hookspec
def rateval_register_tasks() -> list[Component]:  # type: ignore[empty-body]
    """Return the tasks; their objects follow ``rateval.api.tasks.task.Task``."""


@hookspec
def rateval_register_executors() -> list[Component]:  # type: ignore[empty-body]
    """Return the executors, which say where steps run; they follow ``rateval.api.Executor``."""


@hookspec
def rateval_register_trackers() -> list[Component]:  # type: ignore[empty-body]
    """Return the trackers; their objects follow ``rateval.api.tracking.Tracker``."""


@hookspec
def rateval_run_started(plan: PlanRecord) -> None:
    """Observe that a run begins, with everything it is going to do."""


@hookspec
def rateval_stage_finished(stage: StageRecord) -> None:
    """Observe that a stage has a result, computed or reused."""


@hookspec
def rateval_stage_failed(failure: FailureRecord) -> None:
    """Observe that a stage failed; what doesn't need its result goes on."""


@hookspec
def rateval_run_finished(record: RunRecord) -> None:
    """Observe that a run ended; ``record.status`` says how."""


@hookspec(firstresult=True)
def rateval_render_report(record: RunRecord, console: Console) -> bool | None:
    """Print the report and return True; None leaves it to the next plugin.

    The built-in report is tried last. The console reads no markup unless ``print`` is told to, and
    shows control characters.
    """
