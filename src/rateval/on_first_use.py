"""Names of a package that are imported when somebody asks for one of them."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import Any, get_origin


def find_name(package: str, name: str, modules: Sequence[str]) -> Any:
    """Return what the first of ``modules`` that declares ``name`` calls so, importing them in turn.

    Put those that are quick to import first. Raises AttributeError when none declares it, as a
    module's own ``__getattr__`` has to.

    >>> find_name("here", "find_name", ["rateval.on_first_use"]) is find_name
    True
    """
    for module in () if name.startswith("_") else modules:
        found = vars(importlib.import_module(module)).get(name)
        if _is_declared(found, module):
            return found
    raise AttributeError(f"module {package!r} has no attribute {name!r}")


def _is_declared(value: object, module: str) -> bool:
    # What a module imports for itself is none of its own names; an alias of types says no origin.
    return getattr(value, "__module__", None) == module or get_origin(value) is not None
