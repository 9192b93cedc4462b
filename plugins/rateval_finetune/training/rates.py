"""The rate over the steps of a training."""

from __future__ import annotations

import math


def rate_factor(step: int, steps: int, schedule: str, warmup: float) -> float:
    """Return the factor on the rate of ``step`` (the first is 1) out of ``steps``.

    It rises linearly to 1 over the share ``warmup``; then it stays, or falls along half a cosine
    that would reach 0 one step after the last.

    >>> [round(rate_factor(step, 5, "cosine", 0.2), 2) for step in range(1, 6)]
    [1.0, 1.0, 0.85, 0.5, 0.15]
    >>> [rate_factor(step, 4, "constant", 0.5) for step in range(1, 5)]
    [0.5, 1.0, 1.0, 1.0]
    """
    rising = math.ceil(steps * warmup)
    if step <= rising:
        return step / rising
    if schedule == "constant":
        return 1.0
    return 0.5 * (1 + math.cos(math.pi * (step - rising - 1) / max(1, steps - rising)))
