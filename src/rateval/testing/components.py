"""What every component's declaration promises, and the way from a declaration to its checks."""

from __future__ import annotations

import importlib.util
import inspect
import subprocess
import sys
from collections.abc import Callable
from functools import lru_cache
from typing import Any, get_args

from annotated_types import BaseMetadata

from rateval.api.component import Component, Context
from rateval.api.kinds import KINDS, Kind
from rateval.api.params import Params
from rateval.registry.discovery import HEAVY, SLOW_S, discover
from rateval.registry.references import follow
from rateval.testing.failure import ConformanceError, part, require, require_members

_BY_PROTOCOL = {
    "rateval.api.tasks.texts:TextModel": "rateval.testing.answering.texts:check_text_model"
}
"""The check of what follows another protocol than its kind's own; any other has its members."""


def check_component(component: Component, kind: Kind, **params: object) -> None:
    """Check the declaration, build the object with ``params``, and check it as its kind asks.

    Raises ConformanceError at the first broken promise, and whatever the factory raises.
    """
    check_declaration(component, kind)
    given = _resolve(component.params, "params")(**params)
    make = _resolve(component.factory, "factory")
    check_object(component, kind, lambda: make(given, Context()))


def check_object(component: Component, kind: Kind, make: Callable[[], Any]) -> None:
    """Check what ``make`` returns as its component and kind ask.

    Raises ConformanceError at the first broken promise, and whatever ``make`` raises.
    """
    # Whether a dataset is the same every time shows in a second one alone.
    more: dict[str, Any] = {"again": make()} if kind == "dataset" else {}
    if component.needs:
        more["needs"] = component.needs
    if kind == "attribution":
        more["tasks"] = component.tasks
    made = make()
    if component.shares:
        able = hasattr(made, "explain_together")
        where = f"{component.name}: shares"
        require(able, where, "be said of what offers explain_together", type(made).__name__)
    if component.protocol in _BY_PROTOCOL:
        follow(_BY_PROTOCOL[component.protocol])(made)
    elif component.protocol:
        require_members(made, follow(component.protocol))
    else:
        follow(KINDS[kind].check)(made, **more)


def check_declaration(component: Component, kind: Kind) -> None:
    """Check that the strings lead somewhere and that the params are cheap, frozen and described.

    Raises ConformanceError at the first broken promise.
    """
    require(kind in KINDS, "kind", f"be one of {', '.join(KINDS)}", repr(kind))
    require(isinstance(component, Component), "A hook", "return Components", repr(component))
    with part(f"{component.name}: the module that registers it"):
        _check_registration(component, kind)
    with part(f"{component.name}: params"):
        _check_params_module(component)
        _check_params(component.name, _resolve(component.params, "params"))
    _check_calls(component)
    with part(f"{component.name}: needs"):
        _check_words(component, kind)
    for module in component.requires:
        require(
            importlib.util.find_spec(module) is not None,
            f"{component.name}: requires",
            "be importable where its conformance is checked",
            f"no module {module!r}" + (f" (extra {component.extra!r})" if component.extra else ""),
        )
    with part(f"{component.name}: factory"):
        _check_call(component.name, "factory", component.factory, ("params", "context"))


def _check_params_module(component: Component) -> None:
    heavy = _heavy_imports(component.params.partition(":")[0])
    require(
        not heavy,
        f"{component.name}: the module of its params",
        "import no heavy library, as `rateval validate` reads it",
        ", ".join(heavy),
    )


def _check_calls(component: Component) -> None:
    if component.digest:
        with part(f"{component.name}: digest"):
            _check_call(component.name, "digest", component.digest, ("params",))
    if component.detect:
        with part(f"{component.name}: detect"):
            _check_call(component.name, "detect", component.detect, ("clues",))
    if component.wrapper:
        options = ("tokenizer", "preprocess", "prompt")
        with part(f"{component.name}: wrapper"):
            _check_call(component.name, "wrapper", component.wrapper, ("module",), options)


def _check_words(component: Component, kind: Kind) -> None:
    if component.needs:
        able = kind in ("validator", "metric")
        where = f"{component.name}: needs"
        require(able, where, "be said of validators and metrics alone", f"a {kind}")
    if component.shares:
        where = f"{component.name}: shares"
        require(kind == "attribution", where, "be said of attributions alone", f"a {kind}")


def _check_registration(component: Component, kind: Kind) -> None:
    """Check that the plugin which registers the component, if one does here, is quick at it."""
    found = discover().find(kind, component.name)
    if found is None or found.component != component:
        return
    slow = _slow_plugins(tuple(sys.path)).get(str(found.plugin))
    require(
        slow is None,
        f"{component.name}: the module that registers it",
        f"be imported within {SLOW_S} s and bring no heavy library",
        slow,
    )


@lru_cache
def _slow_plugins(path: tuple[str, ...]) -> dict[str, str]:
    # In processes of their own, where nothing is imported yet; what is slow only now and then is
    # slow for another reason.
    program = (
        f"import sys; sys.path[:] = {list(path)!r}\n"
        "from rateval.registry.discovery import discover\n"
        "for slow in discover().slow: print(slow.plugin, slow, sep='\\t')"
    )
    runs = []
    for _ in range(3):
        done = subprocess.run(  # noqa: S603  # the program is ours
            [sys.executable, "-c", program], capture_output=True, text=True, check=True
        )
        runs.append(dict(line.split("\t", 1) for line in done.stdout.splitlines()))
        if not runs[-1]:
            break
    return {plugin: why for plugin, why in runs[0].items() if all(plugin in run for run in runs)}


def _resolve(reference: str, field: str) -> Any:
    try:
        return follow(reference)
    except AttributeError as error:
        module = reference.partition(":")[0]
        raise ConformanceError(
            f"{field} = {reference!r}", f"name an attribute of {module}", error
        ) from error


def _check_call(
    name: str,
    field: str,
    reference: str,
    arguments: tuple[str, ...],
    options: tuple[str, ...] = (),
) -> None:
    shown = ", ".join((*arguments, *(f"{option}=" for option in options)))
    where, asked = f"{name}: {field}", f"be callable as ({shown})"
    target = _resolve(reference, field)
    require(callable(target), where, asked, repr(target))
    signature = inspect.signature(target)
    try:
        signature.bind(*arguments, **dict.fromkeys(options))
    except TypeError:
        require(False, where, asked, f"{reference}{signature}")


def _check_params(name: str, params: Any) -> None:
    where = f"{name}: params"
    is_params = isinstance(params, type) and issubclass(params, Params)
    require(is_params, where, "be a subclass of rateval.api.Params", repr(params))
    where = f"{name}: {params.__name__}"
    require(params.__name__.endswith("Params"), where, "be named <Name>Params", params.__name__)
    frozen = params.model_config.get("frozen")
    require(frozen is True, where, "be frozen", f"frozen={frozen}")
    extra = params.model_config.get("extra")
    require(extra == "forbid", where, 'refuse unknown keys, extra="forbid"', f"extra={extra!r}")
    for key, field in params.model_fields.items():
        described = bool(field.description and field.description.strip())
        require(described, f"{where}.{key}", "have a docstring below it", "none")
        bounded = any(isinstance(mark, BaseMetadata) for mark in field.metadata)
        require(
            bounded or not _is_number(field.annotation),
            f"{where}.{key}",
            "have bounds, such as Field(gt=0)",
            f"{field.annotation} without any",
        )


def _is_number(annotation: Any) -> bool:
    return annotation in (int, float) or bool({int, float} & set(get_args(annotation)))


@lru_cache
def _heavy_imports(module: str) -> tuple[str, ...]:
    # In a process of its own: this one has long imported torch.
    program = (
        f"import sys; sys.path[:] = {sys.path!r}; import {module}; "
        f"print(*(name for name in {HEAVY!r} if name in sys.modules))"
    )
    finished = subprocess.run(  # noqa: S603  # the program is ours, the module's name a Component's
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    tail = finished.stderr.strip().splitlines()[-1:]
    require(finished.returncode == 0, f"params module {module}", "be importable", "".join(tail))
    return tuple(finished.stdout.split())
