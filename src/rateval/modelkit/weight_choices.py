"""Types of the parameters that say which weights of a file are meant, as ``read_weights`` asks."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

WeightPrefix = Annotated[
    str | None,
    Field(
        description="What stands before the names of weights in the file, such as ``net.``; None "
        "finds it out, and refuses a file in which several could be meant."
    ),
]
"""A prefix of names; its description is the parameter's."""
WeightCopy = Annotated[
    Literal["model", "ema"] | None,
    Field(
        description="``ema`` takes averaged weights of a file that holds both, ``model`` those as "
        "they were trained. None takes the latter and says so."
    ),
]
"""Averaged weights or those as they were trained; its description is the parameter's."""
