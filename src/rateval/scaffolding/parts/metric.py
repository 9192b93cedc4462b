"""Share of all images that are correct on valid evidence."""

from pydantic import Field

from rateval.api import Context, Metric, Outcomes, Params, Score


class MineMetricParams(Params):
    """What a spec can set of mine-metric."""

    least: int = Field(default=1, ge=1, le=1_000_000)
    """Images that there must be; with fewer the value is undefined."""


class MineMetric:
    """The images that are right for the right reason, RR, among all whose evidence is known."""

    # Must be a heading of 1 to 12 characters.
    label = "RR/N"

    def __init__(self, least: int) -> None:
        self._least = least

    def compute(self, outcomes: Outcomes) -> Score:
        """Return the share of what it counts."""
        # Must give counts with 0 <= numerator <= denominator, and their share as the value.
        # Must give None for an empty denominator, as Score.share does.
        # Must not depend on the order of images.
        # Of images whose evidence is unknown, `valid` says nothing: quadrants() leaves them out.
        counts = outcomes.quadrants()
        known = sum(counts.values())
        return Score.share(counts["RR"], known) if known >= self._least else Score(None, 0, 0)


def make(params: MineMetricParams, context: Context) -> Metric:
    """Make the metric."""
    return MineMetric(params.least)
