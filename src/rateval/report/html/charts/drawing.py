"""What charts of a page have in common: how they are set, shown and told to who can't see them."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import Any

from rateval.report.html.markup import Html, join, tag

COLOURS = 8
"""Colours that tell series apart; the first is for zero-shot, and further series take them anew."""

_INK: dict[str, Any] = {
    "labelColor": "currentColor",
    "titleColor": "currentColor",
    "labelFontSize": 12,
    "titleFontSize": 12,
    "titleFontWeight": 500,
}

CONFIG: dict[str, Any] = {
    # The figure around it has the text alternative, with the numbers.
    "aria": False,
    "background": "transparent",
    "font": "inherit",
    "view": {"stroke": None},
    "axis": _INK
    | {
        "gridColor": "currentColor",
        "gridOpacity": 0.1,
        "domainColor": "currentColor",
        "domainOpacity": 0.35,
        "tickColor": "currentColor",
        "tickOpacity": 0.35,
        "labelPadding": 5,
        # Labels at the ends stay below their ticks, where they touch no other.
        "labelFlush": False,
        "titlePadding": 10,
    },
}
"""Colours are those of the page, which change with its theme and in print."""


def altair() -> Any:
    """Return the library that describes charts; it is large, and wanted for a page alone."""
    return import_module("altair")


class Charts:
    """The charts of one page, drawn one by one when somebody comes near them."""

    def __init__(self) -> None:
        self.specs: list[dict[str, Any]] = []

    def add(self, chart: Any, caption: str, told: str, height: int = 300) -> Html:
        """Return the place of a chart of Altair; ``told`` says its numbers in words."""
        spec = chart.properties(width="container", height=height).to_dict(validate=False)
        spec |= {"autosize": {"type": "fit-x", "contains": "padding"}}
        for name in ("$schema", "config"):
            spec.pop(name, None)
        self.specs.append(spec)
        return tag(
            "figure",
            tag("figcaption", caption),
            tag(
                "div",
                tag("div", class_="canvas", data_chart=len(self.specs) - 1, aria_hidden="true"),
                role="img",
                aria_label=f"{caption}. {told}",
            ),
            class_="chart",
        )


def colour_numbers(names: Sequence[str], plain: Sequence[str] = ()) -> dict[str, int]:
    """Return the number of each name's colour; 0 for those that are ``plain``.

    >>> colour_numbers(["zs", "lp", "ft"], ["zs"])
    {'zs': 0, 'lp': 1, 'ft': 2}
    """
    numbers = dict.fromkeys(plain, 0)
    for name in names:
        if name not in numbers:
            numbers[name] = 1 + (len(numbers) - len(plain)) % (COLOURS - 1)
    return numbers


def colour(number: int) -> str:
    """Return a colour by its number, as the page's style names it."""
    return f"var(--s{number})"


def legend(numbers: dict[str, int], words: str = "") -> Html:
    """Return what the colours stand for, and in ``words`` what the marks do."""
    items = (tag("li", name, class_=f"c{number}") for name, number in numbers.items())
    explained = tag("p", words, class_="how") if words else None
    return join([tag("ul", *items, class_="legend"), explained])


def scale(numbers: dict[str, int]) -> dict[str, list[str]]:
    """Return the domain and range of a scale of colours."""
    return {"domain": list(numbers), "range": [colour(number) for number in numbers.values()]}
