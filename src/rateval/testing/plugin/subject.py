"""What is to be checked: an installed distribution, or a folder with one."""

from __future__ import annotations

import importlib.metadata
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rateval.errors import RatevalError
from rateval.registry.discovery import GROUP
from rateval.registry.registry import normalise
from rateval.wording import meant


@dataclass(frozen=True, slots=True)
class Subject:
    """A distribution with entry points of rateval."""

    distribution: str
    version: str
    modules: dict[str, str]
    """Modules that register, by the names of their entry points."""


@contextmanager
def opened(named: str) -> Iterator[Subject]:
    """Yield what a distribution's name or a folder names, importable within the context.

    A folder need not be installed: its ``pyproject.toml`` says what an installer would. Raises
    RatevalError where there is no plugin.
    """
    if Path(named).is_dir():
        with _made_known(Path(named)) as subject:
            yield subject
        return
    if "/" in named or named.endswith(".py"):
        raise RatevalError(
            f"{named}: there is no such folder; give the name of an installed distribution, or the "
            "folder that holds its pyproject.toml"
        )
    yield _find_installed(named)


def _find_installed(name: str) -> Subject:
    entry_points = importlib.metadata.entry_points(group=GROUP)
    names: dict[str, list[importlib.metadata.EntryPoint]] = {}
    for entry_point in entry_points:
        if entry_point.dist is not None:
            names.setdefault(normalise(entry_point.dist.name), []).append(entry_point)
    found = names.get(normalise(name))
    if found is None:
        hint = meant(name, names) or f"those with plugins are {', '.join(sorted(names))}"
        raise RatevalError(
            f"{name}: no installed distribution of this name has a plugin; {hint}; give its "
            "folder to check one that isn't installed"
        )
    dist = found[0].dist
    assert dist is not None
    return Subject(dist.name, dist.version, {one.name: one.module for one in found})


@contextmanager
def _made_known(folder: Path) -> Iterator[Subject]:
    project = _read_project(folder)
    points: dict[str, str] = project["entry-points"][GROUP]
    name, version = str(project.get("name", folder.name)), str(project.get("version", "0"))
    with tempfile.TemporaryDirectory(prefix="rateval-check-") as scratch:
        _describe(Path(scratch), name, version, points)
        source = folder / "src" if (folder / "src").is_dir() else folder
        before = list(sys.path)
        sys.path[:0] = [scratch, str(source.absolute())]
        try:
            modules = {point: module.partition(":")[0] for point, module in points.items()}
            yield Subject(name, version, modules)
        finally:
            sys.path[:] = before
            _forget(source.absolute())


def _forget(folder: Path) -> None:
    """Let what was imported from a folder be found anew, also in another one."""
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if file is not None and Path(file).is_relative_to(folder):
            del sys.modules[name]


def _read_project(folder: Path) -> dict[str, Any]:
    file = folder / "pyproject.toml"
    try:
        project = tomllib.loads(file.read_text(encoding="utf-8")).get("project", {})
    except FileNotFoundError:
        raise RatevalError(
            f"{file}: there is none; give the folder that holds a plugin's pyproject.toml"
        ) from None
    except (OSError, ValueError) as error:
        raise RatevalError(f"{file}: cannot be read: {error}") from None
    if not isinstance(project, dict) or not project.get("entry-points", {}).get(GROUP):
        raise RatevalError(
            f"{file}: [project.entry-points.{GROUP}]: is missing, and so this is no plugin; name "
            "the module that registers the components there"
        )
    return project


def _describe(site: Path, name: str, version: str, points: dict[str, str]) -> None:
    """Write what an installer would leave beside a distribution."""
    info = site / f"{normalise(name).replace('-', '_')}-{version}.dist-info"
    info.mkdir()
    head = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    (info / "METADATA").write_text(head, encoding="utf-8")
    lines = [f"{point} = {module}" for point, module in points.items()]
    text = "\n".join([f"[{GROUP}]", *lines, ""])
    (info / "entry_points.txt").write_text(text, encoding="utf-8")
