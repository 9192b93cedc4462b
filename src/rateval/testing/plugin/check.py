"""A plugin's check: what registers it, then every suite on every component."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from rateval.api.component import Context
from rateval.api.deprecations import hearing
from rateval.api.version import API_VERSION, STATED_AS
from rateval.errors import PluginError, RatevalError, explain_error
from rateval.registry.catalogue import explain_missing
from rateval.registry.discovery import discover, stated_version
from rateval.registry.file_component import is_from_file
from rateval.registry.references import load_factory, parse_params
from rateval.registry.registry import Registered, Registry, normalise
from rateval.testing.attributions import TRIED
from rateval.testing.components import check_declaration, check_object
from rateval.testing.failure import ConformanceError, gathering, part
from rateval.testing.plugin import start_up, static_types
from rateval.testing.plugin.determinism import check_determinism
from rateval.testing.plugin.hostile import check_hostile
from rateval.testing.plugin.report import Broken, ComponentReport, PluginReport, StartUp
from rateval.testing.plugin.subject import Subject

Given = Mapping[str, Mapping[str, Any]]
"""Params by the name of a component."""
_UNSTATED = f'no module says which contract it needs: write {STATED_AS} = "{API_VERSION}"'


def check_plugin(
    subject: Subject,
    given: Given,
    *,
    typed: bool = True,
    tell: Callable[[str], None] = lambda _: None,
) -> PluginReport:
    """Check a whole plugin; ``tell`` hears what is being tried.

    Paths in ``given`` start here. Without ``typed``, or where mypy isn't there, types aren't
    looked at, which a note says.
    """
    tell("registering")
    starts = tuple(start_up.measure(module) for module in subject.modules.values())
    registry, general = _discover(subject)
    general += _check_starts(starts)
    components = [] if registry is None else _components(registry, subject)
    _require_known(given, components)
    known = () if registry is None else registry.dated
    dated = [one.warning for one in known if _is_own(one.plugin.distribution, subject)]
    with hearing() as told:
        reports = [_check_told(found, given, tell) for found in components]
    stated = list(filter(None, map(stated_version, subject.modules.values())))
    notes = [*dict.fromkeys([*dated, *told]), *([] if stated else [_UNSTATED])]
    if not typed or not static_types.is_there():
        notes.append("types were not checked" + (": pip install mypy" if typed else ""))
    elif components:
        tell("types")
        reports, untold = _with_types(reports, components)
        notes += untold
    return PluginReport(
        subject.distribution,
        subject.version,
        needs=min(stated, default=None),
        offered=API_VERSION,
        start_up=starts,
        components=tuple(reports),
        broken=tuple(general),
        notes=tuple(notes),
    )


def check_one(
    found: Registered, given: Given, tell: Callable[[str], None]
) -> tuple[ComponentReport, list[str]]:
    """Check one component; return also what the contract warns of meanwhile."""
    _require_known(given, [found])
    with hearing() as told:
        report = _check_told(found, given, tell)
    return report, list(dict.fromkeys(told))


def _check_starts(starts: Sequence[StartUp]) -> list[Broken]:
    with gathering() as gathered:
        for start in starts:
            with part(start.module):
                start_up.check(start)
    return [Broken.of(error) for error in gathered.errors]


def _discover(subject: Subject) -> tuple[Registry | None, list[Broken]]:
    try:
        registry = discover()
    except PluginError as error:
        return None, [Broken(str(error), "", "", "")]
    own = [one for one in registry.broken if _is_own(one.plugin.distribution, subject)]
    return registry, [
        Broken(f'the entry point "{one.plugin.name}"', "register components", one.cause, "")
        for one in own
    ]


def _is_own(distribution: str, subject: Subject) -> bool:
    return normalise(distribution) == normalise(subject.distribution)


def _components(registry: Registry, subject: Subject) -> list[Registered]:
    own = [f for f in registry.components.values() if _is_own(f.plugin.distribution, subject)]
    return sorted(own, key=lambda found: (found.kind, found.component.name))


def _require_known(given: Given, components: Sequence[Registered]) -> None:
    names = {found.component.name for found in components}
    for name in given:
        if name not in names:
            raise RatevalError(
                f"--with {name}: the plugin has no such component; it has "
                f"{', '.join(sorted(names)) or 'none'}"
            )


def _check(found: Registered, values: Mapping[str, Any]) -> ComponentReport:
    component, kind = found.component, found.kind
    untried: str | None = None
    with gathering(_folder_of(found)) as gathered, part(component.name), _elsewhere():
        if not is_from_file(found):  # a function declares nothing
            with part(f"{component.name}: declaration"):
                check_declaration(component, kind)
        untried = _try(found, values)
    errors = [error for error in gathered.errors if not _is_of_start(error)]
    if explain_missing(found) is not None:  # what isn't here can't be tried, and is no fault
        errors = [
            error for error in errors if not error.where.endswith((": requires", ": factory"))
        ]
    return ComponentReport(kind, component.name, tuple(map(Broken.of, errors)), untried)


def _check_told(found: Registered, given: Given, tell: Callable[[str], None]) -> ComponentReport:
    tell(f"{found.kind} {found.component.name}")
    values = given.get(found.component.name, {})
    return _check(found, {key: _absolute(value) for key, value in values.items()})


def _try(found: Registered, values: Mapping[str, Any]) -> str | None:
    """Try an object; return why there is none to try."""
    missing = explain_missing(found)
    if missing is not None:
        return missing
    component, kind = found.component, found.kind
    posed = TRIED if kind == "attribution" else {"classification"}
    known = component.protocol or not posed.isdisjoint(component.tasks)
    if kind in ("attribution", "finetuner") and not known:
        return f"serves {', '.join(component.tasks)} alone, which the suites don't pose"
    try:
        params = parse_params(found, values, Path.cwd())
        factory = load_factory(found)
        factory(params, Context())
    except ValidationError as error:
        return _explain_params(component.name, error)
    except RatevalError as error:
        return explain_error(error)
    except Exception as error:
        with part(f"{component.name}: factory"):
            raise error
        return None
    _check_object(found, lambda: factory(params, Context()))
    return None


def _check_object(found: Registered, make: Callable[[], Any]) -> None:
    component, kind = found.component, found.kind
    with part(component.name):
        check_object(component, kind, make)
    with part(component.name):
        check_hostile(kind, component, make())
    with part(component.name):
        check_determinism(kind, component, make)


def _explain_params(name: str, error: ValidationError) -> str:
    keys = [".".join(map(str, one["loc"])) for one in error.errors()]
    said = [f"{key}: {one['msg']}" for key, one in zip(keys, error.errors(), strict=True)]
    told = "; ".join(text.removeprefix(": ") for text in said)
    return f"{told}; give it by --with {name}.{keys[0] or 'KEY'}=VALUE"


def _absolute(value: Any) -> Any:
    """Return params whose paths start from here, wherever they are looked at."""
    is_path = isinstance(value, str) and "\0" not in value and value and Path(value).exists()
    return str(Path(value).absolute()) if is_path else value


def _folder_of(found: Registered) -> str:
    module = found.component.factory.partition(":")[0].partition(".")[0]
    try:
        spec = find_spec(module)
    except (ImportError, ValueError):
        return ""
    if spec is None:
        return ""
    places = list(spec.submodule_search_locations or [])
    return places[0] if places else spec.origin or ""


def _is_of_start(error: ConformanceError) -> bool:
    # It is told once, of the module, with what it costs.
    return error.where.endswith(": the module that registers it")


@contextmanager
def _elsewhere() -> Iterator[None]:
    """Work in a folder that goes away: what an object writes is nobody's."""
    before = Path.cwd()
    with tempfile.TemporaryDirectory(prefix="rateval-check-") as folder:
        os.chdir(folder)
        try:
            yield
        finally:
            os.chdir(before)


def _with_types(
    reports: Sequence[ComponentReport], components: Sequence[Registered]
) -> tuple[list[ComponentReport], list[str]]:
    """Return reports with what is said of types, and notes where nothing can be."""
    try:
        said = static_types.check_types(components)
    except RatevalError as error:
        return list(reports), [f"types were not checked: {error}"]
    return [
        ComponentReport(report.kind, report.name, report.broken + said[found], report.untried)
        for report, found in zip(reports, components, strict=True)
    ], []
