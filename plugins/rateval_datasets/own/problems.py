"""Errors about people's own data, each with its place, what is allowed and what to do."""

from __future__ import annotations

from rateval.api import RatevalError
from rateval_datasets.layout import printable, shorten


def problem(component: str, what: str) -> RatevalError:
    """Return an error of a reader: its name, what is wrong, and where to read more.

    >>> str(problem("folder", "root = photos: no images"))
    'folder: root = photos: no images (docs/datasets.md)'
    """
    return RatevalError(f"{component}: {shorten(printable(what))} (docs/datasets.md)")
