"""How many images show a change of PT, for the table of docs/howto/annotate.md."""

from __future__ import annotations

from columns import table

from rateval.stats.power import Supposed, units_needed

ACCURACY = 0.9
VALUES = (0.35, 0.70)
FALLS = (0.20, 0.10, 0.05, 0.02)


def of_images() -> str:
    """Write how many images show each fall of PT, by correlations of 0 and 0.5."""
    rows = [
        [
            f"{100 * value:.0f} % to {100 * (value - fall):.0f} %",
            *(_needed(value, fall, r) for r in (0.0, 0.5)),
        ]
        for value in VALUES
        for fall in FALLS
    ]
    return table(["PT of the two methods", "images", "images, correlation 0.5"], rows)


def _needed(value: float, fall: float, correlation: float) -> str:
    supposed = Supposed(value, value - fall, ACCURACY, ACCURACY, correlation)
    return f"{units_needed(supposed):,}"
