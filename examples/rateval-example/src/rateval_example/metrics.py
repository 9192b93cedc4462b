"""A metric: images that are right for the right reason."""

from __future__ import annotations

from rateval.api import Context, Outcomes, Score
from rateval_example.params import DoublyRightParams


class DoublyRight:
    """A ``rateval.api.Metric``: RR / N, over the images whose evidence is known.

    Source: Mao et al., "Doubly Right Object Recognition", CVPR 2023.
    """

    label = "RR/N"

    def compute(self, outcomes: Outcomes) -> Score:
        """Count the images that are correct on valid evidence, of all four quadrants."""
        counts = outcomes.quadrants()
        return Score.share(counts["RR"], sum(counts.values()))


def make_doubly_right(params: DoublyRightParams, context: Context) -> DoublyRight:
    """Make the metric."""
    return DoublyRight()
