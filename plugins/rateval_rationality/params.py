"""Params of the validator and the metrics."""

from __future__ import annotations

from pydantic import Field

from rateval.api import Params


class RelevanceMassParams(Params):
    """Set how much relevance has to lie on the evidence."""

    threshold: float = Field(default=0.5, ge=0, le=1)
    """Smallest share of the heat map's mass inside the mask that counts as valid evidence."""


class CountParams(Params):
    """Take no parameter: a share of counts leaves nothing to choose."""
