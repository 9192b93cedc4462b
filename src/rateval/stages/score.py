"""Count outcomes: quadrants, metrics, intervals, and the change against zero-shot."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from rateval.api.protocols import Metric
from rateval.api.values import Outcomes, Score
from rateval.errors import PluginError
from rateval.records.cell import ScoreRecord
from rateval.records.estimate import Estimate
from rateval.stats.wilson import wilson_interval
from rateval.store import rows as tables


def read_outcomes(inferred: Path, validated: Path) -> Outcomes:
    """Put the stored predictions and verdicts of a cell together."""
    rows = tables.read_judged_rows(inferred, validated)
    return Outcomes(rows.column("correct").to_numpy(), rows.column("valid").to_numpy())


def score(
    metrics: Mapping[str, Metric], outcomes: Outcomes, baseline: Outcomes | None
) -> tuple[ScoreRecord, ...]:
    """Compute each metric, label to metric, and its change against ``baseline`` if there is one.

    Raises PluginError when a metric contradicts its own counts.
    """
    return tuple(_record(label, metric, outcomes, baseline) for label, metric in metrics.items())


def _record(
    label: str, metric: Metric, outcomes: Outcomes, baseline: Outcomes | None
) -> ScoreRecord:
    ours = _compute(label, metric, outcomes)
    theirs = None if baseline is None else _compute(label, metric, baseline)
    low, high = wilson_interval(ours.numerator, ours.denominator)
    return ScoreRecord(
        metric=label,
        heading=metric.label,
        value=Estimate(
            value=ours.value,
            low=low,
            high=high,
            numerator=ours.numerator,
            denominator=ours.denominator,
            over="images",
            count=ours.denominator,
        ),
        change=_change(ours, theirs),
    )


def _change(ours: Score, theirs: Score | None) -> Estimate | None:
    if theirs is None or ours.value is None or theirs.value is None:
        return None
    change = ours.value - theirs.value
    return Estimate(value=change, low=None, high=None, over="images", count=ours.denominator)


def _compute(label: str, metric: Metric, outcomes: Outcomes) -> Score:
    got = metric.compute(outcomes)
    if got != Score.share(got.numerator, got.denominator):
        raise PluginError(
            f'the metric "{label}" returned {got}, whose value is not numerator / denominator '
            "(None when the denominator is 0)"
        )
    return got
