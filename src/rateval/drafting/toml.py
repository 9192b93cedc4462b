"""Values and comments as TOML has them."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Iterable, Mapping
from typing import Any

from rateval.errors import RatevalError
from rateval.wording import show_controls

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_WIDTH = 98


def write_value(value: Any) -> str:
    r"""Return a value in one line of TOML. Raises RatevalError for text that is no UTF-8.

    >>> write_value({"test": 0.3, "a b": ["x", True]}), write_value("a\n\x7f")
    ('{ test = 0.3, "a b" = ["x", true] }', '"a\\n\\u007f"')
    """
    if isinstance(value, Mapping):
        inner = ", ".join(f"{_key(key)} = {write_value(item)}" for key, item in value.items())
        return f"{{ {inner} }}" if inner else "{}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(write_value, value))}]"
    text = value if isinstance(value, str | bool | int | float) else str(value)
    if isinstance(text, str) and any("\ud800" <= sign <= "\udfff" for sign in text):
        raise RatevalError(f"{text}: a spec can't hold a name that isn't UTF-8; rename it")
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _key(key: str) -> str:
    return key if _BARE.fullmatch(key) else write_value(key)


def write_table(heading: str, values: Mapping[str, Any]) -> list[str]:
    """Return the lines of a table.

    >>> write_table("[[model]]", {"use": "clip"})
    ['[[model]]', 'use = "clip"']
    """
    return [heading, *(f"{_key(key)} = {write_value(value)}" for key, value in values.items())]


def comment(lines: Iterable[str], *, wrap: bool = True, lead: str = "") -> list[str]:
    r"""Return lines as comments, long ones broken, with nothing in them that ends a line.

    >>> comment(["one\ntwo"]), comment(["three"], lead="? ")
    (['# one two'], ['# ? three'])
    """
    found: list[str] = []
    for line in lines:
        text = show_controls(" ".join(line.split()) if wrap else line)
        if not wrap:
            found.append(f"# {text}".rstrip())
            continue
        found += textwrap.wrap(
            lead + text,
            _WIDTH,
            initial_indent="# ",
            subsequent_indent="# " + " " * len(lead),
            break_long_words=False,
            break_on_hyphens=False,
        )
    return found
