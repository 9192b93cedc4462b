"""What could be installed, and the advice made from it when a component cannot be used."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from rateval.api.kinds import Kind
from rateval.errors import RatevalError
from rateval.registry.registry import BUNDLED_DISTRIBUTION, Registered, Registry
from rateval.wording import meant

FILE = "registry.toml"


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
    return [module for module in found.component.requires if find_spec(module) is None]


def explain_missing(found: Registered) -> str | None:
    """Return what a known component lacks and how to install it; None when nothing is missing."""
    missing = missing_requirements(found)
    if not missing:
        return None
    extra = f"[{found.component.extra}]" if found.component.extra else ""
    package = f"'{found.plugin.distribution}{extra}'" if extra else found.plugin.distribution
    return f"needs {', '.join(missing)}, which is not installed; pip install {package}"


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
