"""Plugins found, broken ones kept away from the rest, and ambiguity refused."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import re
import sys
import time
from collections.abc import Iterator, Mapping
from importlib.abc import InspectLoader
from typing import Any, TypeGuard

import pluggy

from rateval.api import hookspecs
from rateval.api.component import Component
from rateval.api.deprecations import hearing
from rateval.api.kinds import Kind
from rateval.api.version import STATED_AS, explain_version
from rateval.errors import PluginError, name_error
from rateval.registry.registry import (
    BUNDLED_DISTRIBUTION,
    BrokenPlugin,
    DatedPlugin,
    Plugin,
    Registered,
    Registry,
    SlowPlugin,
    normalise,
)
from rateval.wording import meant

GROUP = "rateval"
HEAVY = ("torch", "torchvision", "open_clip", "timm", "transformers", "lavis", "captum", "peft")
"""Libraries that take seconds to import: only factories may bring them."""
SLOW_S = 0.2
"""Seconds from which on registering a plugin is slow."""
DISABLE_VARIABLE = "RATEVAL_DISABLE_PLUGINS"
_STATED = re.compile(rf"""^{STATED_AS}\b[^=\n]*=\s*(?:["']([^"'\n]*)["']|(\S[^\n]*))""", re.M)


def discover(*, third_party: bool = True, environment: Mapping[str, str] = os.environ) -> Registry:
    """Load every plugin of the entry-point group ``rateval`` that is not disabled.

    ``RATEVAL_DISABLE_PLUGINS`` holds ``all`` (every plugin that is not bundled) or names of plugins
    or distributions, separated by commas. Raises PluginError when a plugin implements a hook that
    does not exist, or two plugins register one name of one kind.
    """
    manager = pluggy.PluginManager(hookspecs.PROJECT)
    manager.add_hookspecs(hookspecs)
    found: dict[tuple[Kind, str], Registered] = {}
    broken: list[BrokenPlugin] = []
    working: list[Plugin] = []
    slow: list[SlowPlugin] = []
    dated: list[DatedPlugin] = []
    for plugin, entry_point in _enabled(third_party, environment.get(DISABLE_VARIABLE, "")):
        clock, before = time.perf_counter(), set(sys.modules)
        try:
            if plugin.distribution != BUNDLED_DISTRIBUTION:
                _refuse_version(entry_point.module)
            with hearing() as told:
                module = _register(manager, plugin, entry_point)
            dated += [DatedPlugin(plugin, warning) for warning in told]
            _refuse_unknown_hooks(manager, plugin, module)
            registered = list(_components(manager, plugin, module))
        except _MalformedPluginError as problem:
            if manager.has_plugin(_key(plugin)):
                manager.unregister(name=_key(plugin))
            broken.append(BrokenPlugin(plugin, str(problem)))
            continue
        for item in registered:
            _refuse_duplicate(found, item)
            found[item.kind, item.component.name] = item
        working.append(plugin)
        seconds = time.perf_counter() - clock
        heavy = tuple(name for name in HEAVY if name in sys.modules and name not in before)
        if (seconds > SLOW_S or heavy) and plugin.distribution != BUNDLED_DISTRIBUTION:
            slow.append(SlowPlugin(plugin, seconds, heavy))
    return Registry(found, tuple(broken), tuple(working), manager, tuple(slow), tuple(dated))


class _MalformedPluginError(Exception):
    """The reason why one plugin is left out; never leaves this module."""


def _enabled(
    third_party: bool, disabled: str
) -> Iterator[tuple[Plugin, importlib.metadata.EntryPoint]]:
    names = {normalise(name) for name in disabled.split(",") if name.strip()}
    only_bundled = not third_party or "all" in names
    for plugin, entry_point in sorted(_entry_points(), key=lambda found: _order(found[0])):
        bundled = plugin.distribution == BUNDLED_DISTRIBUTION
        if only_bundled and not bundled:
            continue
        if normalise(plugin.name) in names or (
            normalise(plugin.distribution) in names and not bundled
        ):
            continue
        yield plugin, entry_point


def _entry_points() -> Iterator[tuple[Plugin, importlib.metadata.EntryPoint]]:
    for entry_point in importlib.metadata.entry_points(group=GROUP):
        dist = entry_point.dist
        if dist is None:
            raise PluginError(f'entry point "{entry_point.name}" belongs to no distribution')
        yield Plugin(entry_point.name, dist.name, dist.version), entry_point


def _order(plugin: Plugin) -> tuple[bool, str, str]:
    # Bundled ones first, so that of two that clash the other one is advised against.
    return plugin.distribution != BUNDLED_DISTRIBUTION, plugin.distribution, plugin.name


def _key(plugin: Plugin) -> str:
    return f"{plugin.distribution}:{plugin.name}"


def stated_version(module: str) -> str | None:
    """Return the version of the contract that a module says it needs; None where it says none.

    Its source is read and it isn't imported, because a version that doesn't fit may lack what it
    imports. The package around it is.
    """
    try:
        spec = importlib.util.find_spec(module)
        source = spec.loader.get_source(module) if spec and _has_source(spec.loader) else None
    except (Exception, SystemExit):  # importing it, which comes next, says what is wrong
        return None
    found = _STATED.search(source or "")
    if found is None:
        return None
    return f"({found[2]})" if found[1] is None else found[1]  # an expression is no text


def _has_source(loader: object) -> TypeGuard[InspectLoader]:
    return isinstance(loader, InspectLoader)


def _refuse_version(module: str) -> None:
    stated = stated_version(module)
    if stated is None:
        return
    try:
        why = explain_version(stated)
    except ValueError as error:
        raise _MalformedPluginError(str(error)) from None
    if why is not None:
        raise _MalformedPluginError(why)


def _register(
    manager: pluggy.PluginManager, plugin: Plugin, entry_point: importlib.metadata.EntryPoint
) -> object:
    try:
        module: object = entry_point.load()
        manager.register(module, name=_key(plugin))
    except (Exception, SystemExit) as error:  # whatever a plugin does, the others go on
        raise _MalformedPluginError(name_error(error) + _place(error, entry_point)) from error
    return module


def _place(error: BaseException, entry_point: importlib.metadata.EntryPoint) -> str:
    """Return where in the plugin's own package it was raised; empty where it wasn't there."""
    package, found, step = entry_point.module.partition(".")[0], "", error.__traceback__
    while step is not None:
        if step.tb_frame.f_globals.get("__name__", "").partition(".")[0] == package:
            found = f" ({step.tb_frame.f_code.co_filename}:{step.tb_lineno})"
        step = step.tb_next
    return found


def _refuse_unknown_hooks(manager: pluggy.PluginManager, plugin: Plugin, module: object) -> None:
    known = [name for name in vars(hookspecs) if name.startswith("rateval_")]
    callers = manager.get_hookcallers(module) or []
    unmarked = [
        name
        for name, value in vars(module).items()
        if name.startswith("rateval_")
        and callable(value)
        and getattr(value, "__module__", None) == getattr(module, "__name__", None)
        and manager.parse_hookimpl_opts(module, name) is None
    ]
    if unmarked:
        raise _MalformedPluginError(f"{unmarked[0]} is not marked with @rateval.api.hookimpl")
    for caller in callers:
        if not caller.has_spec():
            hint = meant(caller.name, known) or f"hooks are {', '.join(known)}."
            raise PluginError(
                f"{plugin} implements {caller.name}, a hook that "
                f"{BUNDLED_DISTRIBUTION} {own_version()} doesn't have; {hint} "
                f"Upgrade one of the two, or set {DISABLE_VARIABLE}={plugin.name}"
            )


def own_version() -> str:
    """Return the version of the installed rateval distribution."""
    return importlib.metadata.version(BUNDLED_DISTRIBUTION)


def _components(
    manager: pluggy.PluginManager, plugin: Plugin, module: object
) -> Iterator[Registered]:
    for hook, kind in hookspecs.REGISTRATION.items():
        caller: pluggy.HookCaller = getattr(manager.hook, hook)
        for implementation in caller.get_hookimpls():
            if implementation.plugin is module:
                for component in _call(hook, implementation.function):
                    yield Registered(kind, component, plugin)


def _call(hook: str, function: Any) -> list[Component]:
    try:
        returned = function()
    except (Exception, SystemExit) as error:
        raise _MalformedPluginError(f"{hook} failed with {name_error(error)}") from error
    if not isinstance(returned, list) or not all(isinstance(c, Component) for c in returned):
        raise _MalformedPluginError(
            f"{hook} returned {returned!r}, not a list of rateval.api.Component"
        )
    return returned


def _refuse_duplicate(found: Mapping[tuple[Kind, str], Registered], new: Registered) -> None:
    old = found.get((new.kind, new.component.name))
    if old is not None:
        raise PluginError(
            f'two plugins register the {new.kind} "{new.component.name}": {old.plugin} and '
            f"{new.plugin}; uninstall one, or set {DISABLE_VARIABLE}={new.plugin.name}"
        )
