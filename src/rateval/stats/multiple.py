"""Several tests at once, and tests of "no change"."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rateval.stats.difference import Share, one_sided, z_touching


def holm(p_values: Sequence[float]) -> list[float]:
    """Return each p corrected for all of them together, in their order; at most 1.

    Source: Holm, Scandinavian Journal of Statistics 6 (1979) 65-70.

    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    order = sorted(range(len(p_values)), key=p_values.__getitem__)
    corrected, least = [0.0] * len(p_values), 0.0
    for rank, at in enumerate(order):
        least = max(least, min(1.0, (len(p_values) - rank) * p_values[at]))
        corrected[at] = least
    return corrected


def correct(p_values: Sequence[float], how: str) -> Iterator[float]:
    """Return each p as it is corrected for all of them, in their order; by "none" as it is.

    >>> list(correct([0.01, 0.04, 0.03], "holm")), list(correct([0.01, 0.04], "none"))
    ([0.03, 0.06, 0.06], [0.01, 0.04])
    """
    return iter(holm(p_values) if how == "holm" else p_values)


def all_of(p_values: Sequence[float]) -> float:
    """Return the p of a finding that needs every one of several to be there: their largest.

    No correction is due, since one that is absent already keeps the finding from being claimed.

    Source: Berger, Technometrics 24 (1982) 295-300 (intersection-union test).

    >>> all_of([0.01, 0.2])
    0.2
    """
    return max(p_values)


def no_fall(first: Share, second: Share, correlation: float, margin: float) -> float:
    """Return the one-sided p of a first share below the second by ``margin`` or more.

    A small one shows that there is no fall as large as that. Raises ValueError for a margin of 0 or
    less: a large p of a difference shows nothing, and "no fall at all" can't be shown.

    >>> round(no_fall(Share(480, 600), Share(480, 600), 0.0, 0.05), 4)
    0.0152
    """
    _require_margin(margin)
    return one_sided(z_touching(first, second, correlation, -margin))


def no_change(first: Share, second: Share, correlation: float, margin: float) -> float:
    """Return the p of a difference of ``margin`` or more, in either direction, by two tests.

    Source: Schuirmann, Journal of Pharmacokinetics and Biopharmaceutics 15 (1987) 657-680.

    >>> round(no_change(Share(480, 600), Share(480, 600), 0.0, 0.05), 4)
    0.0152
    """
    return max(
        no_fall(first, second, correlation, margin), no_fall(second, first, correlation, margin)
    )


def _require_margin(margin: float) -> None:
    if not margin > 0:
        raise ValueError(f"margin = {margin}: must be above 0")
