"""Elements of a page: whatever is not markup already is text, and is escaped."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from html import escape

from rateval.wording import show_controls


class Html(str):
    """Text that is markup; every other text is escaped before it stands in a page."""

    __slots__ = ()


Child = str | int | None
"""What an element holds: markup, text, a whole number; nothing for None."""

_VOID = frozenset({"input", "meta", "rect", "path"})
"""Elements that hold nothing and are not closed."""


def tag(name: str, /, *children: Child, **attributes: str | int | bool | None) -> Html:
    """Return an element.

    An attribute's name loses a trailing underscore, and others become hyphens; True stands alone,
    and None and False are left out.

    >>> tag("td", "a < b", class_="wide", data_row=1, hidden=True, id=None)
    '<td class="wide" data-row="1" hidden>a &lt; b</td>'
    """
    written = "".join(
        f" {key.rstrip('_').replace('_', '-')}" + ("" if value is True else f'="{_text(value)}"')
        for key, value in attributes.items()
        if value is not None and value is not False
    )
    if name in _VOID:
        return Html(f"<{name}{written}>")
    return Html(f"<{name}{written}>{join(children)}</{name}>")


def join(children: Iterable[Child]) -> Html:
    """Return children one after the other, text escaped.

    >>> join(["<", Html("<br>"), None, 3])
    '&lt;<br>3'
    """
    return Html(
        "".join(
            child if isinstance(child, Html) else _text(child)
            for child in children
            if child is not None
        )
    )


def _text(value: str | int) -> str:
    return escape(show_controls(str(value)), quote=True)


def write_json(value: object) -> str:
    r"""Return JSON that can stand in a script element: no sign in it can end one.

    >>> write_json({"name": "</script><!--"})
    '{"name":"\\u003c/script\\u003e\\u003c!--"}'
    """
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for sign in "<>&\u2028\u2029":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    # Half of a character, as in a file's name that is no text, can't be written as UTF-8.
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def data_block(name: str, value: object) -> Html:
    """Return data for the page's scripts, by the id of its element."""
    return Html(f'<script type="application/json" id="{name}">{write_json(value)}</script>')


def door(text: str, detail: Mapping[str, str], says: str, class_: str = "door") -> Html:
    """Return a button that shows the images that ``detail`` names; ``says`` is read aloud.

    >>> door("7", {"quadrant": "RR"}, "7 images")
    '<button type="button" class="door" data-filter="{&quot;quadrant&quot;: &quot;RR&quot;}" \
aria-label="7 images">7</button>'
    """
    named = json.dumps(dict(detail), ensure_ascii=False)
    return tag("button", text, type="button", class_=class_, data_filter=named, aria_label=says)
