"""Whether a metric looks at evidence, which is found by trying it."""

from __future__ import annotations

import pytest

from rateval.api.protocols import Metric
from rateval.api.values import Outcomes, Score
from rateval.facade import create
from rateval.workbench.verdicts.needing import needs_masks


class Counts:
    """A metric of a test's own."""

    label = "own"

    def __init__(self, kind: str) -> None:
        self._kind = kind

    def compute(self, outcomes: Outcomes) -> Score:
        valid, total = int(outcomes.valid.sum()), len(outcomes.valid)
        if self._kind == "valid share":
            return Score.share(valid, total)
        if self._kind == "balance":  # none and all come to the same
            return Score.share(min(valid, total - valid), total)
        if self._kind == "wrong on valid evidence":
            return Score.share(int((outcomes.valid & ~outcomes.correct).sum()), total)
        return Score.share(int((~outcomes.correct).sum()), total)


@pytest.mark.parametrize(
    ("metric", "needs"),
    [
        (create("metric", "accuracy"), False),
        (create("metric", "pt"), True),
        (create("metric", "ir"), True),
        (Counts("valid share"), True),
        (Counts("balance"), True),
        (Counts("wrong on valid evidence"), True),
        (Counts("errors"), False),
    ],
)
def test_a_metric_needs_masks_if_it_looks_at_evidence(metric: Metric, needs: bool) -> None:
    assert needs_masks(metric) is needs
