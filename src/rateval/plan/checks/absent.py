"""Files and folders that a spec names and that aren't there."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from rateval.errors import Problem
from rateval.plan.behind_urls import find_urls
from rateval.plan.cells import Cell, Choice
from rateval.spec.document import Document
from rateval.spec.explain import locate
from rateval.spec.tables import Place
from rateval.store.remote.urls import explain_url, local_path
from rateval.wording import list_some, nearest

_MISSING = ("no such file", "no such object")
_ASKING = 8
"""Threads that look behind URLs."""
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:(/|$)")
"""What a path begins with that was written as a URL; one letter is a drive."""


def find_absent(document: Document, at: Place, choice: Choice) -> list[Problem]:
    """Return a problem for each param of a choice that names what isn't there."""
    named = _name_paths(choice)
    explained = _explain_all(list(named.values()), document.folder)
    written = [place for place in named if locate(document.data, (*at, *place[:1]))[2]]
    if any(explained[named[place]] for place in written):  # what follows from it is no fault
        named = {place: named[place] for place in written}
    found: dict[str, list[tuple[Path | str, str]]] = {}
    for place, path in named.items():
        found.setdefault(document.where((*at, *place), value=True), []).append(
            (path, explained[path])
        )
    problems = []
    for where, paths in found.items():
        absent = [(path, why) for path, why in paths if why]
        if absent:
            why = absent[0][1]
            if len(paths) > 1 and why.startswith(_MISSING):  # what the spec has is a pattern
                what = why.partition(";")[0].partition(":")[0]
                why = f"{what}: {list_some(str(path) for path, _ in absent)}"
            problems.append(Problem(where, _advise(why, choice)))
    return problems


def _name_paths(choice: Choice) -> dict[Place, Path | str]:
    """Return what must be there by the place of its param: paths, and URLs as text."""
    paths: dict[Place, Path | str] = {**choice.params.on_disk()}
    urls = find_urls(choice.registered, choice.params)
    here = {at: local_path(url) for at, url in urls.items() if not explain_url(url)}
    return paths | {at: here.get(at) or url for at, url in urls.items()}


def _explain_all(named: Sequence[Path | str], folder: Path) -> dict[Path | str, str]:
    """Return why each is absent; those behind URLs are asked for several at once."""
    urls = list(dict.fromkeys(one for one in named if isinstance(one, str)))
    found: dict[Path | str, str] = {
        path: explain_absent(path, folder) for path in named if isinstance(path, Path)
    }
    if urls:
        from rateval.store.fetched.sources import explain_absent as explain_absent_object

        with ThreadPoolExecutor(_ASKING) as pool:
            found |= zip(urls, pool.map(explain_absent_object, urls), strict=True)
    return found


def find_absent_of_cells(
    document: Document, at: Place, label: str, cells: Iterable[Cell]
) -> list[Problem]:
    """Return a problem for each param of an attribution that names what isn't there for a cell."""
    found: dict[Place, dict[Path | str, Choice]] = {}
    for choice in (cell.attribution for cell in cells):
        if choice.label == label and choice.per_cell:
            for place, path in _name_paths(choice).items():
                found.setdefault(place, {})[path] = choice
    problems: list[Problem] = []
    for place, paths in found.items():
        explained = _explain_all(list(paths), document.folder)
        absent = {path: why for path, why in explained.items() if why}
        if absent:
            path, why = next(iter(absent.items()))
            if len(paths) > 1:  # what the spec has is a pattern
                what = "no such object" if isinstance(path, str) else "no such file or folder"
                why = f"{what}: {list_some(map(str, absent))}; cells need their own"
            where = document.where((*at, *place), value=True)
            problems.append(Problem(where, _advise(why, paths[path])))
    return problems


def _advise(why: str, choice: Choice) -> str:
    if why.endswith("?"):
        return why
    return f"{why}; see rateval show {choice.registered.kind} {choice.registered.use}"


def explain_absent(path: Path, folder: Path) -> str:
    """Return why nothing is found at a path, and what was meant; empty if something is there.

    ``folder`` is the spec's, from which paths don't start.
    """
    try:
        path = path.expanduser()
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        if _URL.match(str(path)) and not os.path.lexists(path.parts[0]):
            return explain_url(f"{path.parts[0]}//{'/'.join(path.parts[1:])}")
        return f"no such file or folder{_find_near(path, folder)}"
    except (OSError, RuntimeError, ValueError) as error:
        return f"cannot be looked at: {getattr(error, 'strerror', None) or error}"
    return ""


def _find_near(path: Path, folder: Path) -> str:
    if path.is_symlink():
        return f": {path} is a link to {path.readlink()}, which isn't there"
    lost = next(part for part in (*reversed(path.parents), path) if not os.path.lexists(part))
    if not lost.parent.is_dir():
        return f": {lost.parent} is no folder"
    there = _list(lost.parent)
    near = nearest(lost.name, there)
    if near:
        rest = path.relative_to(lost)
        whole = lost.with_name(near[0]) / rest
        meant = whole if whole.exists() else lost.with_name(near[0])
        return f'; did you mean "{meant}"?'
    beside = folder / path
    if beside.exists():
        return f'; paths start from the current folder: write "{beside}", as it is beside the spec'
    missing = "" if lost == path else f": there is no {lost}"
    start = "" if path.is_absolute() else f"; paths start from the current folder, {Path.cwd()}"
    return f"{missing}{start}; give one that is there"


def _list(folder: Path) -> Sequence[str]:
    try:
        return [entry.name for entry in folder.iterdir()]
    except OSError:
        return []
