"""Count outcomes: one metric of one cell."""

from __future__ import annotations

from rateval.api.protocols import Metric
from rateval.api.values import Outcomes, Score
from rateval.errors import PluginError
from rateval.records.facts import ScoreFacts


def score(label: str, metric: Metric, outcomes: Outcomes) -> ScoreFacts:
    """Compute a metric, called ``label``. Raises PluginError when it contradicts its own counts."""
    got = metric.compute(outcomes)
    if not isinstance(got, Score) or got != Score.share(got.numerator, got.denominator):
        raise PluginError(
            f'the metric "{label}" returned {got}, whose value is not numerator / denominator '
            "(None when the denominator is 0)"
        )
    return ScoreFacts(
        heading=metric.label, numerator=int(got.numerator), denominator=int(got.denominator)
    )
