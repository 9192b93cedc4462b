"""Results of one store taken into another one, bit by bit."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from rateval.store.disk import writing
from rateval.store.manifest import MANIFEST, require_whole
from rateval.store.remote.fetching import bring, fetched
from rateval.store.store import Store, Stored


def adopt(store: Store, found: Stored) -> Stored:
    """Copy a result of another store into ``store``, where it isn't there; return it from there.

    Raises RatevalError where it is not as it was stored, and StudyError where it can't be written.
    """
    bring(found.path)
    manifest = require_whole(found.path)

    def copy(folder: Path) -> Mapping[str, Any]:
        for name in manifest["files"]:
            to = folder / name
            with writing(to):
                to.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(found.path / name, to)
        facts: Mapping[str, Any] = manifest["facts"]
        return facts

    made = store.make(found.stage, manifest["inputs"], copy)
    return replace(found, path=made.path)


def holds(found: Stored) -> bool:
    """Return whether the files of a result that is known of are there."""
    return fetched(found.path / MANIFEST).is_file()
