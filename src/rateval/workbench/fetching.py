"""What params name behind URLs, fetched: files and folders of this computer in their place."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rateval.api.params import Params
from rateval.errors import RatevalError
from rateval.modelkit.checkpoint_files.shards import is_index, read_index
from rateval.plan.behind_urls import place_here
from rateval.plan.cells import Choice
from rateval.store.fetched.views import call, view, view_beside


def fetch_params(choice: Choice) -> Params:
    """Return the params of a choice with paths of this computer in place of URLs.

    Raises RatevalError, which names the choice, where something isn't there or can't be read.
    """
    try:
        return place_here(choice.registered, choice.params, _fetch)
    except RatevalError as error:
        told = f"{choice.registered.kind} {choice.label}: {error}"
        error.args = (told, *error.args[1:])
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
