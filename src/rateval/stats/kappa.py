"""Cohen's kappa of two raters who say yes or no."""

from __future__ import annotations

from math import sqrt

from rateval.stats.wilson import z_of

Kappa = tuple[float, float, float]
"""A kappa with the ends of its interval."""


def cohen_kappa(
    both: int, first_only: int, second_only: int, neither: int, level: float = 0.95
) -> Kappa | None:
    """Return the agreement beyond chance of two raters, with its interval, from counts of units.

    None without units, and where both say the same of all, as chance alone agrees fully there.

    Source: Fleiss, Cohen and Everitt, Psychological Bulletin 72 (1969) 323-327, for its standard
    error.

    >>> [round(number, 3) for number in cohen_kappa(45, 15, 25, 15)]
    [0.13, -0.063, 0.324]
    >>> cohen_kappa(5, 0, 0, 0) is None
    True
    """
    n = both + first_only + second_only + neither
    if not n:
        return None
    yes, other_yes = (both + first_only) / n, (both + second_only) / n
    observed = (both + neither) / n
    chance = yes * other_yes + (1 - yes) * (1 - other_yes)
    if chance == 1:
        return None
    kappa = (observed - chance) / (1 - chance)
    agreeing = sum(
        share * (1 - (one + two) * (1 - kappa)) ** 2
        for share, one, two in (
            (both / n, yes, other_yes),
            (neither / n, 1 - yes, 1 - other_yes),
        )
    )
    # A pair's weight takes the marginals crosswise: the second's of the first's answer.
    differing = (1 - kappa) ** 2 * sum(
        share * (one + two) ** 2
        for share, one, two in (
            (first_only / n, other_yes, 1 - yes),
            (second_only / n, 1 - other_yes, yes),
        )
    )
    rest = (kappa - chance * (1 - kappa)) ** 2
    error = sqrt(max(0.0, agreeing + differing - rest) / n) / (1 - chance)
    half = z_of(level) * error
    return kappa, max(-1.0, kappa - half), min(1.0, kappa + half)
