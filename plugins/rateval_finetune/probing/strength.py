"""How strong the penalty of a linear head should be, by its accuracy on samples held out.

Source: the linear probe of Radford et al., ICML 2021, appendix A.3: 96 steps between 1e-6 and 1e6,
seven of them first, then half as far to either side of the best one until steps are neighbours.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

STEPS = 96
_DECADES = 12
_APART = 16
"""Steps between the first values that are tried, the first halving not counted."""
SEARCHED = STEPS // _APART + 1 + 2 * 4
"""How many values a search tries at most."""


def value_of(step: int) -> float:
    """Return the penalty of a step, 0 to 96: eight to each power of ten.

    >>> value_of(0), value_of(48), value_of(49), value_of(96)
    (1e-06, 1.0, 1.333521432163324, 1000000.0)
    """
    return float(10.0 ** (_DECADES * step / STEPS - _DECADES / 2))


def search(score: Callable[[int], float]) -> dict[int, float]:
    """Return the scores of the steps that a search tries, which ends at the best of them.

    >>> tried = search(lambda step: -abs(step - 37.0))
    >>> best_of(tried), len(tried)
    (37, 15)
    """
    tried = {step: score(step) for step in range(STEPS, -1, -_APART)}
    apart = _APART // 2
    while apart:
        best = best_of(tried)
        for step in (best + apart, best - apart):
            if 0 <= step <= STEPS and step not in tried:
                tried[step] = score(step)
        apart //= 2
    return tried


def try_all(score: Callable[[int], float]) -> dict[int, float]:
    """Return the scores of all steps, the strongest penalty first.

    >>> len(try_all(float))
    97
    """
    return {step: score(step) for step in range(STEPS, -1, -1)}


def best_of(tried: Mapping[int, float]) -> int:
    """Return the step with the highest score, of equal ones the strongest penalty.

    >>> best_of({3: 0.5, 7: 0.5, 9: 0.2})
    7
    """
    return max(tried, key=lambda step: (tried[step], step))
