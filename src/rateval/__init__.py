"""Tell whether a vision-language model is right for the right reasons.

In a notebook: ``rateval.run(spec)``, ``rateval.parity(spec)``, ``rateval.load(path)`` and
``rateval.create(kind, name)``.
Importing this package costs nothing; what its names need is imported on first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rateval.errors import RatevalError as RatevalError
    from rateval.run_record import RunRecord as RunRecord
    from rateval.run_record import load as load
    from rateval.study import create as create
    from rateval.study import parity as parity
    from rateval.study import run as run

_ON_FIRST_USE = {
    "RatevalError": "rateval.errors",
    "RunRecord": "rateval.run_record",
    "create": "rateval.study",
    "load": "rateval.run_record",
    "parity": "rateval.study",
    "run": "rateval.study",
}

__all__ = ["RatevalError", "RunRecord", "create", "load", "parity", "run"]


def __getattr__(name: str) -> Any:
    if name not in _ON_FIRST_USE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(_ON_FIRST_USE[name]), name)
