"""One result written: a folder beside its final place, filled, sealed and put there."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from rateval.store.disk import FULL, is_below, make_folder, refuse, remove, writing
from rateval.store.identity import identify_result
from rateval.store.manifest import FORMAT, seal


def make_whole(
    root: Path,
    stage: str,
    inputs: Mapping[str, Any],
    write: Callable[[Path], Mapping[str, Any]],
    spent: Callable[[], float],
    put: Callable[[Path], None],
) -> tuple[dict[str, Any], float]:
    """Compute a result, and ``put`` the folder that holds it in its place; return facts, seconds.

    ``write`` fills the folder and returns the facts; ``spent`` are the seconds that were spent on
    it before. Nothing is left of a result that fails. Raises StudyError where a file below ``root``
    could not be written.
    """
    identity, folder, started = identify_result(stage, inputs), root / stage, time.perf_counter()
    with writing(folder):
        make_folder(folder)
        work = Path(tempfile.mkdtemp(prefix=f".{identity}-", dir=folder))
    try:
        facts = dict(write(work))
        seconds = round(time.perf_counter() - started + spent(), 3)
        content = {
            "format": FORMAT,
            "stage": stage,
            "identity": identity,
            "inputs": inputs,
            "facts": facts,
            "seconds": seconds,
        }
        with writing(folder):
            seal(work, content)
            put(work)
    except OSError as error:
        if error.errno in FULL and is_below(error.filename, root):
            raise refuse(Path(os.fsdecode(error.filename)), error) from error
        raise  # of a component, on a disk of its own
    finally:
        remove(work)
    return facts, seconds
