"""The folder of this computer for what can be fetched anew: downloads, and mirrors of stores."""

from __future__ import annotations

import os
from pathlib import Path

from rateval.errors import RatevalError


def default_cache() -> Path:
    """Return ``$RATEVAL_CACHE``, else ``rateval`` in the user's cache folder.

    Raises RatevalError where the variable can't be followed, or the user's home isn't known.
    """
    variable = "RATEVAL_CACHE" if os.environ.get("RATEVAL_CACHE") else "HOME"
    try:
        if chosen := os.environ.get("RATEVAL_CACHE"):
            return Path(chosen).expanduser()
        return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "rateval"
    except RuntimeError:
        raise RatevalError(
            f"{variable} = {os.environ.get(variable, '')!r}: leads to no home folder that is known "
            "here; set RATEVAL_CACHE to the folder that downloaded checkpoints go into"
        ) from None
