"""Values that nobody expects, by name; and what is done with them inside of JSON and TOML."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Mapping
from typing import Any

from faults.verdict import MARKUP

_DEEP = 100_000

ODD: dict[str, Any] = {
    "null": None,
    "true": True,
    "zero": 0,
    "minus one": -1,
    "three": 3,
    "2**63": 2**63,
    "10**30": 10**30,
    "5,000 digits": "digits",  # a marker: json and tomllib write and read no such integer
    "half": 0.5,
    "1e308": 1e308,
    "-1e308": -1e308,
    "nan": float("nan"),
    "inf": float("inf"),
    "text": "x",
    "empty": "",
    "blank": " ",
    "number as text": "3",
    "nul": "a\0b",
    "escape": "\x1b[31mred\x1b[0m",
    "c1": "\x9b31mred",
    "lines": "a\nb\rc",
    "markup": MARKUP,
    "closing": "[/x]",
    "decomposed": "e\u0301",
    "right to left": "a\u202eb",
    "5,000 letters": "x" * 5000,
    "long path": "a/" * 3000,
    "nobody's home": "~nosuchuser/x",
    "nowhere": "/proc/no/such/place",  # nobody can make that
    "device": "/dev/zero",
    "proc": "/proc/self/mem",
    "backslashes": "C:\\data\\x",
    "hub": "hf-hub:someone/else",
    "list": [],
    "list of one": ["x"],
    "10,000 numbers": [0] * 10_000,
    "table": {},
    "table of one": {"x": 1},
    "deep": "deep",  # a marker, as above
}
"""Name to value; names are what a case is written down with."""
LARGE = ("10**30", "2**63", "5,000 digits", "1e308", "10,000 numbers")
"""Names of those that ask for much work where they are allowed."""
HOWS = ("set", "delete", "rename", "twice", "wrap")
"""What is done with a value: another in its place, gone, under another key, doubled, in a list."""
_MARKERS = {'"digits"': "9" * 5000, '"deep"': "[" * _DEEP + "1" + "]" * _DEEP}
Path = tuple[str | int, ...]


def paths_in(value: Any, path: Path = ()) -> Iterator[Path]:
    """Yield the path of every value inside of another one.

    >>> list(paths_in({"a": [1, 2]}))
    [('a',), ('a', 0), ('a', 1)]
    """
    items = value.items() if isinstance(value, Mapping) else enumerate(value)
    for key, inner in items:
        yield (*path, key)
        if isinstance(inner, Mapping | list):
            yield from paths_in(inner, (*path, key))


def change(content: Any, which: int, how: str, odd: str) -> tuple[Any, str]:
    """Return a changed copy of JSON values, and what was done in words.

    ``which`` counts through the values inside, round and round.

    >>> change({"a": [1, 2]}, 2, "set", "true")
    ({'a': [1, True]}, 'a[1] set to true')
    """
    changed = copy.deepcopy(content)
    paths = list(paths_in(changed))
    if not paths:
        return ODD[odd], f"all set to {odd}"
    path = paths[which % len(paths)]
    holder = changed
    for key in path[:-1]:
        holder = holder[key]
    key, value = path[-1], copy.deepcopy(ODD[odd])
    words = "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in path)[1:]
    words = words.replace("[", "[", 1)
    if how == "set":
        holder[key] = value
        return changed, f"{words} set to {odd}"
    if how == "delete":
        del holder[key]
    elif how == "wrap":
        holder[key] = [holder[key]]
    elif isinstance(holder, list):
        holder.insert(int(key), copy.deepcopy(holder[int(key)]))
    elif how == "rename":
        holder[f"{key}_"] = holder.pop(key)
    else:
        holder[f"{key}2"] = copy.deepcopy(holder[key])
    return changed, f"{words}: {how}"


def as_json(value: Any) -> str:
    """Write JSON; NaN and infinities as Python does, and the integers and depths it refuses."""
    return _unmark(json.dumps(value, ensure_ascii=False))


def as_toml(spec: Mapping[str, Any]) -> str:
    """Write nested tables as TOML, inline below the second level; None has no spelling there."""
    lines = []
    for name, value in spec.items():
        tables = value if isinstance(value, list) else [value]
        if tables and all(isinstance(table, Mapping) for table in tables):
            head = f"[[{_key(name)}]]" if isinstance(value, list) else f"[{_key(name)}]"
            for table in tables:
                lines.append(head)
                lines += [f"{_key(key)} = {_inline(item)}" for key, item in table.items()]
        else:
            lines.insert(0, f"{_key(name)} = {_inline(value)}")
    return _unmark("\n".join(lines) + "\n")


def _key(name: str) -> str:
    return json.dumps(name, ensure_ascii=False)


def _inline(value: Any) -> str:
    if isinstance(value, Mapping):
        return (
            "{" + ", ".join(f"{_key(key)} = {_inline(item)}" for key, item in value.items()) + "}"
        )
    if isinstance(value, list):
        return "[" + ", ".join(map(_inline, value)) + "]"
    if isinstance(value, float) and (value != value or abs(value) == float("inf")):
        return str(value)
    return json.dumps(value, ensure_ascii=False)


def _unmark(text: str) -> str:
    for marker, spelling in _MARKERS.items():
        text = text.replace(marker, spelling)
    return text
