"""Names of the three doors and of ``rateval`` itself, and the hooks."""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Iterator

from rateval.api import hookspecs
from reference_pages.markdown import NOTICE, code, first_line, in_cell, prose, table

DOORS = {
    "rateval": "For scripts and notebooks: [Python](../python.md) shows each in use.",
    "rateval.api": "The first door for plugins, the contract, told in [Plugins](../plugins.md).",
    "rateval.modelkit": "The second door: what plugins share, so that none writes it again.",
    "rateval.testing": "The third door: conformance suites, tiny models and data for tests.",
}
API = f"""{NOTICE}# Python

All public names, each with its first sentence; `help(name)` in Python tells the rest. What isn't
here is internal.

"""
HOOKS = f"""{NOTICE}# Hooks

A plugin implements any of these in the module of its entry point, each marked with
`@rateval.api.hookimpl`. [Plugins](../plugins.md) shows how. Hooks that register return components;
hooks that observe are told records.

"""


def pages() -> Iterator[tuple[str, str]]:
    """Yield name and text of each page."""
    yield "python.md", API + "".join(_door(name, what) for name, what in DOORS.items())
    hooks = [hook for name, hook in vars(hookspecs).items() if name.startswith("rateval_")]
    yield "hooks.md", HOOKS + "".join(map(_hook, hooks))


def _door(module_name: str, what: str) -> str:
    module = importlib.import_module(module_name)
    names = [name for name in _names(module_name) if name != "hookspecs"]
    rows = [[code(name), in_cell(_said(getattr(module, name)))] for name in names]
    return f"## {module_name}\n\n{what}\n\n" + table(["name", ""], rows)


def _names(module_name: str) -> list[str]:
    """Return the names that a door's module exports: those that it imports as themselves."""
    source = inspect.getsource(importlib.import_module(module_name))
    return sorted(set(re.findall(r"\b(\w+) as \1\b", source)), key=str.lower)


def _said(thing: object) -> str:
    if inspect.isclass(thing) or callable(thing):
        return first_line(thing)
    return f"A constant: {thing!r}" if isinstance(thing, str | int | float) else ""


def _hook(hook: object) -> str:
    assert inspect.isfunction(hook)
    signature = re.sub(r"'", "", str(inspect.signature(hook)))
    text = prose(inspect.getdoc(hook) or "")
    return f"## {hook.__name__}\n\n```text\n{hook.__name__}{signature}\n```\n\n{text}\n\n"
