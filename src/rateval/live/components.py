"""What ``rateval.evaluate`` is given, as components of a registry for one call."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import NoReturn

from rateval.api.component import Component, Context
from rateval.api.kinds import Kind
from rateval.errors import RatevalError
from rateval.live.params import GivenParams
from rateval.registry.discovery import own_version
from rateval.registry.registry import BUNDLED_DISTRIBUTION, Plugin, Registered, Registry

GIVEN = "given"
"""Name of the components that stand for what is given."""
CALL = "rateval.evaluate"
"""What messages, records and reports call the place where a spec's name would stand."""
_SUMMARIES: Mapping[Kind, str] = {
    "dataset": "Images, labels and masks of a call",
    "model": "A live model of a call",
    "finetuner": "How a call's model decides",
}


def refuse(params: GivenParams, context: Context) -> NoReturn:
    """Raise RatevalError: what was given to a call is in the process of that call alone."""
    raise RatevalError(
        f"{params.what} was given to {CALL} and is in that process alone; call it again, or write "
        "a spec with a model that lies on disk"
    )


def with_given(registry: Registry) -> Registry:
    """Return a registry that also has the components of a call."""
    plugin = Plugin("evaluate", BUNDLED_DISTRIBUTION, own_version())
    added = {(kind, GIVEN): Registered(kind, _describe(kind), plugin) for kind in _SUMMARIES}
    return replace(registry, components={**registry.components, **added})


def _describe(kind: Kind) -> Component:
    return Component(
        name=GIVEN,
        summary=_SUMMARIES[kind],
        factory="rateval.live.components:refuse",
        params="rateval.live.params:GivenParams",
    )
