"""Tell whether a vision-language model is right for the right reasons.

In a notebook: ``rateval.run(spec)``, ``rateval.parity(spec)``, ``rateval.load(path)`` and
``rateval.create(kind, name)``.
Importing this package costs nothing; what its names need is imported on first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rateval.errors import RatevalError as RatevalError
    from rateval.facade import create as create
    from rateval.facade import parity as parity
    from rateval.facade import run as run
    from rateval.records.run import RunRecord as RunRecord
    from rateval.records.run import load as load

_ON_FIRST_USE = {
    "RatevalError": "rateval.errors",
    "RunRecord": "rateval.records.run",
    "create": "rateval.facade",
    "load": "rateval.records.run",
    "parity": "rateval.facade",
    "run": "rateval.facade",
}

__all__ = ["RatevalError", "RunRecord", "create", "load", "parity", "run"]


def __getattr__(name: str) -> Any:
    if name not in _ON_FIRST_USE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(_ON_FIRST_USE[name]), name)
