"""Formats of run.json: the one that is written, and those that are read."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

from rateval.errors import RatevalError

FORMAT = 6
READABLE = (4, 5, 6)
"""In the fourth, groups have no columns; up to the fifth, a shift is a text."""
READABLE_TEXT = ", ".join(map(str, READABLE[:-1])) + f" or {READABLE[-1]}"


def require_format(file: Path, content: bytes) -> None:
    """Raise RatevalError for the record of another format; what is none at all passes."""
    try:
        found = json.loads(content)["format"]
    except (ValueError, TypeError, KeyError, RecursionError):
        return
    if not isinstance(found, int) or found in READABLE:
        return
    if found > FORMAT:
        advice = "install the version of rateval that wrote it, or a newer one"
    else:
        spec = file.parent / "spec.toml"
        command = f": rateval run {shlex.quote(str(spec))}" if spec.is_file() else ""
        advice = f"run its spec again{command} (what is stored and means the same is reused)"
    raise RatevalError(
        f"{file}: a run record of format {found}, and this rateval reads format "
        f"{READABLE_TEXT}; {advice}"
    )
