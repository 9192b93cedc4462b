"""One metric of one cell, counted from its outcomes."""

from __future__ import annotations

from rateval.api.protocols import Metric
from rateval.api.task import Task
from rateval.api.values import Outcomes
from rateval.errors import PluginError
from rateval.records.facts import ScoreFacts
from rateval.workbench.counting import count


def score(task: Task, label: str, metric: Metric, outcomes: Outcomes) -> ScoreFacts:
    """Compute a metric, called ``label``. Raises PluginError when it contradicts its own counts."""
    counted = count(task, label, metric, outcomes)
    if not isinstance(metric.label, str):
        raise PluginError(
            f'the metric "{label}" must have a label of text; got {metric.label!r}', kind="metric"
        )
    return ScoreFacts(
        heading=metric.label,
        numerator=int(counted.numerator),
        denominator=int(counted.denominator),
    )
