"""JSON files: read with a clear refusal, written whole or not at all."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from rateval.errors import RatevalError


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object, such as a model's config.

    Raises RatevalError when the file is absent, or holds something else.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise RatevalError(f"{path}: not a readable JSON config: {error}") from error
    if not isinstance(content, dict):
        raise RatevalError(
            f"{path}: not a config: it must hold a JSON object, not a {type(content).__name__}"
        )
    return content


def write_json(path: Path, value: object) -> None:
    """Write JSON so that the file is either the old one or the new one, never a part."""
    unfinished = path.with_name(f".{path.name}.part")
    unfinished.write_text(
        json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8"
    )
    unfinished.replace(path)
