"""Params of what is given: they only say what it is."""

from __future__ import annotations

from rateval.api.params import Params


class GivenParams(Params):
    """What was handed to ``rateval.evaluate``."""

    what: str
    """Its class, or what it consists of."""
