"""What a ``use`` names: a registered component, or a function in a file."""

from __future__ import annotations

from pathlib import Path

from rateval.api.kinds import Kind
from rateval.api.use import read_use
from rateval.errors import RatevalError
from rateval.registry.catalogue import explain_unknown
from rateval.registry.file_component import find_in_file
from rateval.registry.registry import Registered, Registry


def find_component(kind: Kind, use: str, registry: Registry, folder: Path) -> Registered:
    """Return the component that ``use`` names; files are looked for from ``folder``.

    A file is run for that. Raises RatevalError, which says why there is no such component.
    """
    named = read_use(use)
    if named is not None:
        return find_in_file(kind, named, folder)
    found = registry.find(kind, use)
    if found is None:
        raise RatevalError(explain_unknown(kind, use, registry))
    return found
