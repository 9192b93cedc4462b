"""The shifts, registered."""

from __future__ import annotations

from rateval.api import Component, hookimpl
from rateval_shifts.reasons.components import list_components


@hookimpl
def rateval_register_shifts() -> list[Component]:
    """Return the shifts that test the reason."""
    return list_components()
