"""One metric of one cell, checked, and undefined where the outcomes lack what it counts."""

from __future__ import annotations

import numpy as np

from rateval.api.protocols import Metric
from rateval.api.task import Task
from rateval.api.values import Outcomes, Score
from rateval.errors import PluginError


def count(task: Task, label: str, metric: Metric, outcomes: Outcomes) -> Score:
    """Compute the metric called ``label``; nothing of nothing where it needs masks and none is.

    Raises PluginError when the metric contradicts its own counts.
    """
    if not outcomes.masks and task.needs_masks(metric):
        return Score.share(0, 0)
    got = metric.compute(outcomes)
    if not isinstance(got, Score) or not _is_share(got):
        raise PluginError(
            f'the metric "{label}" returned {got}, whose value is not numerator / denominator '
            "(None when the denominator is 0), of whole numbers from 0 up and at most 1",
            kind="metric",
        )
    return got


def _is_share(score: Score) -> bool:
    counts = (score.numerator, score.denominator)
    whole = all(isinstance(count, int | np.integer) for count in counts)
    return (
        whole
        and 0 <= score.numerator <= score.denominator
        and score == Score.share(score.numerator, score.denominator)
    )
