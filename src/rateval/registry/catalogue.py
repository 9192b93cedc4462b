"""What could be installed, and the advice made from it when a component cannot be used."""

from __future__ import annotations

import importlib.metadata
import re
import sys
import tomllib
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from rateval.api.kinds import Kind
from rateval.errors import RatevalError
from rateval.registry.registry import BUNDLED_DISTRIBUTION, Registered, Registry, normalise
from rateval.wording import meant

FILE = "registry.toml"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@dataclass(frozen=True, slots=True)
class Known:
    """One row of ``registry.toml``."""

    kind: Kind
    name: str
    summary: str
    distribution: str
    install: str


def load_catalogue() -> tuple[Known, ...]:
    """Read the rows of the ``registry.toml`` that ships with rateval."""
    text = find_catalogue(Path(__file__)).read_text(encoding="utf-8")
    return tuple(Known(**row) for row in tomllib.loads(text)["component"])


def find_catalogue(module: Path) -> Path:
    """Return the ``registry.toml`` that belongs to this module's file.

    A wheel brings it beside the module; an editable install has it at the top of the repository,
    where the module is ``src/rateval/registry/catalogue.py``. Raises RatevalError when it is in
    neither place.
    """
    places = [module.with_name(FILE), *(top / FILE for top in module.parents[3:4])]
    for place in places:
        if place.is_file():
            return place
    raise RatevalError(
        f"{FILE} is missing from this installation ({' and '.join(map(str, places))}); "
        "install rateval again"
    )


def missing_requirements(found: Registered) -> list[str]:
    """Return the required modules that cannot be imported here, without importing them."""
    return [module for module in found.component.requires if not _is_there(module)]


def _is_there(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except (Exception, SystemExit):  # the package around a submodule is imported, if there is one
        return module in sys.modules


def explain_missing(found: Registered) -> str | None:
    """Return what a known component lacks and how to install it; None when nothing is missing."""
    missing = missing_requirements(found)
    if not missing:
        return None
    lacks = f"needs {', '.join(missing)}, which is not installed"
    extra = found.component.extra
    name = found.plugin.distribution
    package = f"'{name}[{extra}]'" if extra else name
    if _brings_nothing(name, extra):
        return (
            f"{lacks}, and pip install {package} brings nothing that isn't here; install what "
            f"provides {', '.join(missing)}, or ask the authors of {name} to declare it"
        )
    return f"{lacks}; pip install {package}"


def _brings_nothing(distribution: str, extra: str) -> bool:
    """Return whether pip has nothing to install: an unknown extra, or all is here."""
    try:
        metadata = importlib.metadata.metadata(distribution)
    except importlib.metadata.PackageNotFoundError:
        return False
    if extra:
        offered = metadata.get_all("Provides-Extra") or []
        return normalise(extra) not in map(normalise, offered)
    required = [line.partition(";") for line in metadata.get_all("Requires-Dist") or []]
    names = [_NAME.match(name.strip()) for name, _, marker in required if "extra" not in marker]
    return all(_is_installed(name[0]) for name in names if name)


def _is_installed(distribution: str) -> bool:
    try:
        importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def explain_unknown(kind: Kind, name: str, registry: Registry) -> str:
    """Return what provides a component that no plugin registers, or what was meant."""
    catalogue = load_catalogue()
    for known in catalogue:
        # A bundled row that is not registered belongs to a plugin that is broken or disabled.
        if (known.kind, known.name) == (kind, name) and known.distribution != BUNDLED_DISTRIBUTION:
            return f"{known.distribution} provides this {kind}; {known.install}"
    advice = f"unknown {kind}"
    names = [found.component.name for found in registry.of_kind(kind)]
    hint = meant(name, names)
    other = [of for (of, called) in registry.components if called == name]
    if other:
        advice += f"; {name} is a {other[0]}"
    elif hint:
        advice += f"; {hint}"
    elif names:
        advice += f"; there are {', '.join(names)}"
    if registry.broken:
        # Nobody can tell what a plugin that did not load would have registered.
        advice += "; perhaps it is missing because " + " and ".join(map(str, registry.broken))
    return f"{advice}; see rateval list {kind} --all"
