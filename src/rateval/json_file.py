"""JSON files: read with a clear refusal, written whole or not at all."""

from __future__ import annotations

import errno
import json
import re
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from rateval.errors import RatevalError


def require_regular(path: Path) -> None:
    """Raise OSError unless there is a regular file: reading a pipe or a device may never end."""
    if not stat.S_ISREG(path.stat().st_mode):
        raise OSError(errno.EINVAL, "is no regular file", str(path))


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object, such as a model's config.

    Raises RatevalError when the file is absent, or holds something else.
    """
    try:
        require_regular(path)
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise RatevalError(f"{path}: not a readable JSON config: {error}") from error
    if not isinstance(content, dict):
        raise RatevalError(
            f"{path}: not a config: it must hold a JSON object, not a {type(content).__name__}"
        )
    return content


def format_json(value: object, *, ascii_only: bool = False) -> str:
    r"""Return JSON as rateval writes it, for people and for programs.

    With ``ascii_only`` other signs are escaped, so that it can be printed to any stream.

    >>> format_json({"a": 1})
    '{\n  "a": 1\n}\n'
    """
    text = json.dumps(value, indent=2, ensure_ascii=ascii_only, allow_nan=False)
    return text + "\n"


_PLAIN = r'(?:"(?:[^"\\]|\\.)*"|[^\s"\[\]{},]+)'
_PLAIN_LIST = re.compile(rf"\[\n\s+({_PLAIN}(?:,\n\s+{_PLAIN})*)\n\s+\]")
_BETWEEN = re.compile(r",\n\s+")


def join_lists(text: str) -> str:
    r"""Return indented JSON with each list of numbers, words and texts in one line.

    >>> join_lists(format_json({"a": [1, "b,\n [", None], "c": [{}]}))
    '{\n  "a": [1, "b,\\n [", null],\n  "c": [\n    {}\n  ]\n}\n'
    """
    # A line break in a text is written as two signs, so that those here stand between values.
    return _PLAIN_LIST.sub(lambda found: f"[{_BETWEEN.sub(', ', found[1])}]", text)


def write_json(path: Path, value: object) -> None:
    """Write JSON so that the file is either the old one or the new one, never a part."""
    write_whole(path, format_json(value))


@contextmanager
def writing_whole(path: Path) -> Iterator[IO[str]]:
    """Yield a text file that gets its name once all of it is there; the one before stays else."""
    # A name of its own: of two that write at once, each replaces the file by a whole one.
    unfinished = path.with_name(f".{path.name}-{secrets.token_hex(4)}.part")
    try:
        with unfinished.open("w", encoding="utf-8") as file:
            yield file
        unfinished.replace(path)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise


def write_whole(path: Path, content: str | bytes) -> None:
    """Write text or bytes so that the file is either the old one or the new one, never a part."""
    if isinstance(content, str):
        with writing_whole(path) as file:
            file.write(content)
        return
    unfinished = path.with_name(f".{path.name}-{secrets.token_hex(4)}.part")
    try:
        unfinished.write_bytes(content)
        unfinished.replace(path)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise
