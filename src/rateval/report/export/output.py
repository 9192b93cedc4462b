"""Where an export is written: a file that is whole or not there, a folder, or the terminal."""

from __future__ import annotations

import os
import secrets
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from rateval.errors import OutputError, RatevalError
from rateval.wording import show_controls


def require_free(path: Path, *, folder: bool, force: bool) -> None:
    """Raise RatevalError when there is something already, unless ``force`` allows to replace it."""
    if folder and path.is_file():
        raise RatevalError(f"--output {path}: is a file; this format writes a folder, name another")
    if not folder and path.is_dir():
        raise RatevalError(f"--output {path}: is a folder; name a file, such as {path / 'export'}")
    there = any(path.iterdir()) if folder and path.is_dir() else os.path.lexists(path)
    if there and not force and not (folder and path.is_dir() and not any(path.iterdir())):
        what = "has files in it" if folder else "exists"
        raise RatevalError(f"--output {path}: {what}; name another place, or add --force")


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield where a file is to be written; it gets its name when all of it is there.

    Raises RatevalError when it cannot be written.
    """
    part = path.with_name(f".{path.name}-{secrets.token_hex(4)}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield part
        part.replace(path)
    except OSError as error:
        raise unwritable(path, error) from None
    finally:
        with suppress(OSError):  # also where there is no such folder
            part.unlink()


def unwritable(path: Path, error: OSError) -> RatevalError:
    """Return the error of a place that cannot be written to."""
    why = os.strerror(error.errno) if error.errno else error
    return RatevalError(
        f"--output {path}: cannot be written to: {why}; name a place that can, or make room"
    )


def write_text(path: Path | None, parts: Iterable[str]) -> None:
    """Write text in UTF-8, part by part, into a file, or to the standard output for None.

    What a terminal would obey is made visible there; a file or a pipe gets it as it is.
    """
    if path is not None:
        with replacing(path) as part, part.open("w", encoding="utf-8", newline="") as file:
            file.writelines(parts)
        return
    shown = sys.stdout.isatty()
    try:
        for text in parts:
            sys.stdout.flush()
            content = (show_controls(text) if shown else text).encode("utf-8", "backslashreplace")
            sys.stdout.buffer.write(content)
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise OutputError(
            f"standard output cannot be written to: {error.strerror}; send it elsewhere"
        ) from error
