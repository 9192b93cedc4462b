"""Params that name files and folders behind URLs: which they are, and the same ones fetched."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from rateval.api.params import Params, Place
from rateval.errors import RatevalError
from rateval.modelkit.checkpoint_files.shards import is_index, read_index
from rateval.registry.registry import Registered
from rateval.store.fetched.views import call, view, view_beside
from rateval.store.remote.urls import is_remote, url_of

_OWN_PLACES = ("executor", "tracker")
"""Kinds whose URLs are their libraries' own matter, such as servers."""


def find_urls(registered: Registered, params: Params) -> dict[Place, str]:
    """Return the URL of each param that has one, by its place: a path, or text of a known kind.

    What stands in place of a cell's labels, ``{model}``, is no URL yet.
    """
    found = {at: url for at, path in params.on_disk().items() if (url := url_of(path))}
    if registered.kind in _OWN_PLACES:
        return found
    for at, value in _find_texts((), params):
        by_reader = at[0] in params.fetched_by_reader
        if is_remote(value) and not by_reader and not {"{", "}"} & {*value}:
            found[at] = value
    return found


def describe_params(registered: Registered, params: Params) -> dict[str, Any]:
    """Return params as JSON values, with URLs as they were written: a path keeps one slash."""
    values = params.model_dump(mode="json")
    for at, url in find_urls(registered, params).items():
        within: Any = values
        with suppress(LookupError, TypeError):  # one of several that a pattern stands for
            for step in at[:-1]:
                within = within[step]
            if within[at[-1]] is not None:
                within[at[-1]] = url
    return values


def _find_texts(at: Place, value: object) -> Iterator[tuple[Place, str]]:
    if isinstance(value, str):
        yield at, value
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from _find_texts((*at, name), getattr(value, name))
    elif isinstance(value, Mapping):
        for key, one in value.items():
            yield from _find_texts((*at, str(key)), one)
    elif isinstance(value, list | tuple):
        for index, one in enumerate(value):
            yield from _find_texts((*at, index), one)


def place_here(
    registered: Registered, params: Params, fetch: Callable[[str, bool], Path]
) -> Params:
    """Return params whose URLs are paths of this computer, which ``fetch`` gives.

    It takes the URL, and whether the component opens the pictures of such a folder one by one.
    Params without URLs are returned as they are.
    """
    urls = find_urls(registered, params)
    by_reader = params.fetched_by_reader
    asked = {at: url for at, url in urls.items() if at[0] not in by_reader}
    if not asked:
        return params
    here = {at: fetch(url, at[0] in params.fetched_piecewise) for at, url in asked.items()}
    names = {str(at[0]) for at in here}
    changed = {name: _replace((name,), getattr(params, name), here) for name in names}
    return params.model_copy(update=changed)


def fetch_params(registered: Registered, params: Params, label: str) -> Params:
    """Return params with paths of this computer in place of URLs, all of them fetched.

    Raises RatevalError, which names kind and ``label``, where something can't be read.
    """
    try:
        return place_here(registered, params, _fetch)
    except RatevalError as error:
        error.args = (f"{registered.kind} {label}: {error}", *error.args[1:])
        raise


def _fetch(url: str, piecewise: bool) -> Path:
    found = view(url, piecewise=piecewise)
    if found.is_file() and is_index(found):
        return view_beside(url, sorted(set(read_index(found).values())))
    return found


@contextmanager
def calling_by_urls() -> Iterator[None]:
    """Call what was fetched by its URL in whatever a component says is wrong with it."""
    try:
        yield
    except RatevalError as error:
        error.args = (call(str(error)), *error.args[1:])
        raise


def _replace(at: Place, value: Any, here: Mapping[Place, Path]) -> Any:
    if at in here:
        return str(here[at]) if isinstance(value, str) else here[at]
    if isinstance(value, BaseModel):
        names = type(value).model_fields
        changed = {name: _replace((*at, name), getattr(value, name), here) for name in names}
        return value.model_copy(update=changed)
    if isinstance(value, Mapping):
        return {key: _replace((*at, str(key)), one, here) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_replace((*at, index), one, here) for index, one in enumerate(value))
    return value
