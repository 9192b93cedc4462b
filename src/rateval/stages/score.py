"""Count outcomes: quadrants, metrics, intervals, and the change against zero-shot."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from rateval.api.protocols import Metric, Task
from rateval.api.values import Outcomes
from rateval.records.cell import ScoreRecord
from rateval.stats.wilson import wilson_interval
from rateval.store import rows as tables
from rateval.workbench.counting import count


def read_outcomes(inferred: Path, judged: Path) -> Outcomes:
    """Put the stored predictions and verdicts of a cell together."""
    rows = tables.read_judged_rows(inferred, judged)
    return Outcomes(
        rows.column("correct").to_numpy(),
        rows.column("valid").to_numpy(),
        masks=any(reason != tables.NO_MASK for reason in rows.column("undefined").to_pylist()),
    )


def score(
    task: Task, metrics: Mapping[str, Metric], outcomes: Outcomes, baseline: Outcomes | None
) -> tuple[ScoreRecord, ...]:
    """Compute each metric, label to metric, and its change against ``baseline`` if there is one.

    Raises PluginError when a metric contradicts its own counts.
    """
    return tuple(
        _record(task, label, metric, outcomes, baseline) for label, metric in metrics.items()
    )


def _record(
    task: Task, label: str, metric: Metric, outcomes: Outcomes, baseline: Outcomes | None
) -> ScoreRecord:
    ours = count(task, label, metric, outcomes)
    theirs = None if baseline is None else count(task, label, metric, baseline).value
    low, high = wilson_interval(ours.numerator, ours.denominator)
    return ScoreRecord(
        metric=label,
        heading=metric.label,
        value=ours.value,
        numerator=ours.numerator,
        denominator=ours.denominator,
        low=low,
        high=high,
        change=None if ours.value is None or theirs is None else ours.value - theirs,
    )
