"""Names in a message, few or many."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable, Mapping
from difflib import get_close_matches

_SHOWN = 10
_OPTIONS = ("device", "output", "limit")
"""Keys of ``[run]`` that have an option of their own on the command line."""


def list_some(items: Iterable[str]) -> str:
    """Return up to ten names as text, and the number of the rest.

    >>> list_some(map(str, range(12)))
    '0, 1, 2, 3, 4, 5, 6, 7, 8, 9 and 2 more'
    """
    items = list(items)
    rest = len(items) - _SHOWN
    return ", ".join(items[:_SHOWN]) + (f" and {rest} more" if rest > 0 else "")


def suggest(name: str, known: Iterable[str]) -> str:
    """Return what was probably meant, or what there is.

    >>> suggest("ViT-B-33", ["ViT-B-32", "RN50"])
    'did you mean "ViT-B-32"?'
    >>> suggest("x", ["b", "a"])
    'there are a, b'
    >>> suggest("x", [])
    'there are none'
    """
    options = sorted(known)
    close = get_close_matches(name, options, n=3, cutoff=0.6)
    if close:
        return "did you mean " + " or ".join(f'"{option}"' for option in close) + "?"
    return "there are " + (", ".join(options) or "none")


def write_command(command: str, spec: str, overrides: Mapping[str, object]) -> str:
    """Return the command line that runs a spec with keys of ``[run]`` set, to be pasted.

    Whether results were reused is left out: who runs a study again wants what is there.

    >>> write_command("run", "my spec.toml", {"limit": 8, "reuse": False, "readers": 2})
    "rateval run 'my spec.toml' --limit 8 --set readers=2"
    """
    words = ["rateval", command, spec]
    for key, value in overrides.items():
        text = value if isinstance(value, str) else json.dumps(value, default=str)
        if key in _OPTIONS:
            words += [f"--{key}", text]
        elif key != "reuse":
            words += ["--set", f"{key}={text}"]
    return shlex.join(words)
