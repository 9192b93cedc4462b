"""The validator that a metric judges maps by."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rateval.api.protocols import Validator
from rateval.errors import RatevalError
from rateval.facade import create
from rateval.registry.discovery import discover
from rateval.registry.finding import find_component
from rateval.training_loop.arguments import CALL
from rateval.wording import describe

_NO_PARAMS = ("kind", "name", "context")
"""What ``create`` itself takes, and no validator."""


def make_validator(
    validator: str | Mapping[str, Any], threshold: float | None
) -> tuple[Validator, dict[str, Any]]:
    """Return a validator of maps, and what was asked for as a table of a spec.

    Raises RatevalError for an unknown one, for wrong params, and for one that looks at no maps.

    >>> made, table = make_validator("pointing-game", 0.9)
    >>> made.threshold, table
    (0.9, {'use': 'pointing-game', 'threshold': 0.9})
    """
    given: Any = {"use": validator} if isinstance(validator, str) else validator
    if not isinstance(given, Mapping) or not isinstance(given.get("use"), str):
        asked = "give the name of a validator, or a dict with use and its params"
        raise RatevalError(f"{CALL}: validator is {describe(validator)}; {asked}")
    table: dict[str, Any] = {**given} if threshold is None else {**given, "threshold": threshold}
    name, params = table["use"], {key: value for key, value in table.items() if key != "use"}
    odd = [key for key in params if key in _NO_PARAMS]
    if odd:
        raise RatevalError(
            f"{CALL}: validator: {odd[0]} is no param; rateval show validator {name} lists them"
        )
    try:
        made: Validator = create("validator", name, **params)
    except RatevalError as error:
        raise RatevalError(f"{CALL}: {error}") from None
    needs = find_component("validator", name, discover(), Path()).component.needs
    if needs:
        raise RatevalError(
            f"{CALL}: validator = {name}: needs {needs}, which no batch holds; judge by it "
            "yourself and give update correct and valid, or take a validator of maps"
        )
    return made, table
