"""Params of the executor of this computer."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from rateval.api import Params


class LocalParams(Params):
    """Params of ``local``."""

    workers: int | None = Field(default=None, ge=1, le=256)
    """Processes that take steps; 1 works in this process. Default: one for each of ``devices``,
    1 without."""
    devices: (
        Literal["all"] | Annotated[list[Annotated[int, Field(ge=0)]], Field(min_length=1)] | None
    ) = None
    """GPUs by their numbers, or all of this computer, that workers get one each of, in turn; on a
    CPU ``"all"`` gives each worker cores of its own. Default: all workers share what there is."""

    @property
    def several(self) -> bool:
        """Whether there may be more than one process, which each import what they need."""
        return self.devices is not None or (self.workers or 1) > 1
