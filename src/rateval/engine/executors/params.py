"""Params of the executor of this computer."""

from __future__ import annotations

from pydantic import Field

from rateval.api import Params


class LocalParams(Params):
    """Params of ``local``."""

    workers: int = Field(default=1, ge=1, le=256)
    """Processes that take steps; 1 works in this process."""
