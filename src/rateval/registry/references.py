"""The ``module:attribute`` strings of a Component, followed."""

from __future__ import annotations

import importlib
import json
from collections.abc import Mapping
from typing import Any

from rateval.api.params import Params
from rateval.errors import PluginError
from rateval.registry.registry import Registered


def follow(reference: str) -> Any:
    """Import what ``module:attribute`` names.

    Raises whatever importing the module raises, and AttributeError when it has no such attribute.

    >>> follow("math:pi")
    3.141592653589793
    """
    module, _, attribute = reference.partition(":")
    return getattr(importlib.import_module(module), attribute)


def parse_params(found: Registered, values: Mapping[str, Any]) -> Params:
    """Return the checked params of a spec. Raises pydantic's ValidationError."""
    # Strict, so that "5" is not taken for 5; through JSON, where lists and paths are natural.
    text = json.dumps(dict(values), default=str)
    return params_class(found).model_validate_json(text, strict=True)


def params_class(found: Registered) -> type[Params]:
    """Import the params model of a component. Raises PluginError when it is not one."""
    model = load_reference(found, "params")
    if not (isinstance(model, type) and issubclass(model, Params)):
        raise PluginError(
            f'{found.plugin}: params of the {found.kind} "{found.component.name}" are {model!r}, '
            "not a subclass of rateval.api.Params"
        )
    return model


def load_reference(found: Registered, name: str) -> Any:
    """Import what a component's ``factory``, ``params`` or ``digest`` names.

    Raises PluginError when it cannot be imported.
    """
    reference = getattr(found.component, name)
    try:
        return follow(reference)
    except Exception as error:
        raise PluginError(
            f'{found.plugin}: the {found.kind} "{found.component.name}" names {name} = '
            f'"{reference}", which cannot be imported: {type(error).__name__}: {error}'
        ) from error
