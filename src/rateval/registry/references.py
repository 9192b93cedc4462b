"""Follow the ``module:attribute`` strings of a Component."""

from __future__ import annotations

import importlib
from typing import Any


def follow(reference: str) -> Any:
    """Import what ``module:attribute`` names.

    Raises whatever importing the module raises, and AttributeError when it has no such attribute.

    >>> follow("math:pi")
    3.141592653589793
    """
    module, _, attribute = reference.partition(":")
    return getattr(importlib.import_module(module), attribute)
