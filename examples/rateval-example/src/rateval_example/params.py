"""Params of the metric and the shift: what a spec can set."""

from __future__ import annotations

from pydantic import Field

from rateval.api import Params


class DoublyRightParams(Params):
    """No parameter: the metric is a count."""


class GrayscaleParams(Params):
    """How much colour is lost."""

    strength: float = Field(default=1.0, gt=0, le=1)
    """Share of the colour that is taken away; 1 leaves shades of grey."""
