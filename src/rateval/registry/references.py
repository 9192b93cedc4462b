"""The ``module:attribute`` strings of a Component, followed."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import json
import sys
from collections.abc import Callable, Mapping
from functools import lru_cache
from importlib.abc import InspectLoader
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from rateval.api.component import Context
from rateval.api.params import Params
from rateval.errors import PluginError, naming
from rateval.registry.file_component import is_from_file, read_factory
from rateval.registry.registry import Registered


def follow(reference: str) -> Any:
    """Import what ``module:attribute`` names.

    Raises whatever importing the module raises, and AttributeError when it has no such attribute.

    >>> follow("math:pi")
    3.141592653589793
    """
    module, _, attribute = reference.partition(":")
    return getattr(importlib.import_module(module), attribute)


def parse_params(found: Registered, values: Mapping[str, Any], folder: Path = Path()) -> Params:
    """Return the checked params of a spec. Raises pydantic's ValidationError, and PluginError.

    ``folder`` is the spec's; validators find it in their context.
    """
    # Strict, so that "5" is not taken for 5; through JSON, where lists and paths are natural.
    text = json.dumps(dict(values), default=str)
    model = params_class(found)
    name = f'{found.plugin}: the params of the {found.kind} "{found.component.name}"'
    try:
        with naming(name):
            return model.model_validate_json(text, strict=True, context={"folder": folder})
    except PluginError as error:
        if isinstance(error.__cause__, ValidationError):
            raise error.__cause__ from None
        raise


def params_class(found: Registered) -> type[Params]:
    """Import the params model of a component. Raises PluginError when it is not one."""
    if is_from_file(found):
        return read_factory(load_reference(found, "factory"), found.use).params
    model = load_reference(found, "params")
    if not (isinstance(model, type) and issubclass(model, Params)):
        raise PluginError(
            f'{found.plugin}: params of the {found.kind} "{found.component.name}" are {model!r}, '
            "not a subclass of rateval.api.Params"
        )
    return model


def explain_unresolved(found: Registered) -> str | None:
    """Return what a component names that can't be there, as far as is told without importing it.

    A module that is imported already, and the source of any other one, say which names they have;
    what makes names as it runs is believed.
    """
    for name in ("factory", "digest", "detect", "wrapper"):
        reference = getattr(found.component, name)
        why = _find_fault(reference) if reference else None
        if why is not None:
            return _explain(found, name, why)
    return None


def _find_fault(reference: str) -> str | None:
    module, _, attribute = reference.partition(":")
    if module in sys.modules:
        return None if hasattr(sys.modules[module], attribute) else f"it has no {attribute}"
    try:
        spec = importlib.util.find_spec(module)
        if spec is None:
            return f"there is no module {module}"
        text = spec.loader.get_source(module) if isinstance(spec.loader, InspectLoader) else None
        names = None if text is None else _bound_names(text)
    except (Exception, SystemExit) as error:  # the package around it is imported for that
        return f"{type(error).__name__}: {error}"
    return None if names is None or attribute in names else f"it has no {attribute}"


@lru_cache(maxsize=256)  # a grid of a hundred shifts asks for one module a hundred times
def _bound_names(source: str) -> frozenset[str] | None:
    """Return the names that a module may have; None where that can't be told."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.alias):
            names.add(node.asname or node.name.partition(".")[0])
        elif isinstance(node, ast.Name):
            names.add(node.id)
    untold = names & {"*", "__getattr__", "globals", "vars", "setattr", "exec"}
    return None if untold else frozenset(names)


def _explain(found: Registered, name: str, why: str) -> str:
    return (
        f'{found.plugin}: the {found.kind} "{found.component.name}" names {name} = '
        f'"{getattr(found.component, name)}", which cannot be imported: {why}'
    )


def load_factory(found: Registered) -> Callable[[Params, Context], Any]:
    """Import a component's factory. Raises PluginError when it cannot be imported."""
    factory: Callable[[Params, Context], Any] = load_reference(found, "factory")
    return read_factory(factory, found.use) if is_from_file(found) else factory


def load_reference(found: Registered, name: str) -> Any:
    """Import what a component's factory, params, digest, detect or wrapper names.

    Raises PluginError when it cannot be imported.
    """
    reference = getattr(found.component, name)
    try:
        return follow(reference)
    except (Exception, SystemExit) as error:
        raise PluginError(_explain(found, name, f"{type(error).__name__}: {error}")) from error
