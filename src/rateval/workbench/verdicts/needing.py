"""Whether a metric looks at evidence, found by trying it."""

from __future__ import annotations

from itertools import product

import numpy as np

from rateval.api.protocols import Metric
from rateval.api.values import Outcomes


def needs_masks(metric: Metric, *, edits: bool = False) -> bool:
    """Return whether a metric comes out otherwise when other samples have valid evidence.

    Right and wrong predictions, two of each, are tried with every pattern of valid evidence: a
    metric that is the same for all of them counts predictions alone. One that needs predictions
    under ``edits`` is given them, of each two one that hangs on the object.
    """
    correct = np.array([True, True, False, False])
    causal = np.array([True, False, True, False]) if edits else None
    patterns = product([False, True], repeat=len(correct))
    scores = [
        metric.compute(Outcomes(correct, np.array(valid), causal=causal)) for valid in patterns
    ]
    return any(score != scores[0] for score in scores)
