"""Files of the output folder: a disk that refuses them is named, what is in the way is removed."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from rateval.errors import StudyError
from rateval.json_file import require_regular

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EFBIG)
"""What a disk says that takes no more: full, over quota, read-only, file over its limit."""
TRIES = 10
"""How often something is tried that other runs, or what is in the way, may spoil."""

UNFINISHED = "-unfinished"
"""End of the name of a stage's folder for the state of results that take long."""


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Say which file cannot be written, and what is kept: a StudyError in place of an OSError.

    Only what writes to ``path`` may stand inside: a plugin's own full disk is not the output's.
    """
    try:
        yield
    except OSError as error:
        raise refuse(path, error) from error


def refuse(path: Path, error: OSError) -> StudyError:
    """Return the error of a file that cannot be written.

    >>> print(refuse(Path("runs/store"), OSError(errno.ENOSPC, "No space left on device")))
    runs/store: cannot be written to: No space left on device; what is stored is kept, every \
finished stage and what a training goes on from; make room, or choose another folder with --output
    """
    # Libraries put words of their own around those of the system.
    why = os.strerror(error.errno) if error.errno else error
    return StudyError(
        f"{path}: cannot be written to: {why}; what is stored is kept, every "
        "finished stage and what a training goes on from; make room, or choose another folder "
        "with --output"
    )


def is_below(name: object, root: Path) -> bool:
    """Return whether a file, as an error names it, lies in a folder."""
    if not isinstance(name, str | bytes):
        return False
    return Path(os.fsdecode(name)).absolute().is_relative_to(root.absolute())


def digest_file(path: Path) -> str:
    """Return the sha256 of a file in hex. Raises OSError when it cannot be read."""
    require_regular(path)
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def remove(path: Path) -> None:
    """Delete a file, a link, or a folder with all that is in it; what is not there is no error."""
    if path.is_symlink() or not path.is_dir():
        with suppress(FileNotFoundError, NotADirectoryError):
            path.unlink()
        return
    try:
        shutil.rmtree(path)
    except OSError:  # a folder that keeps its owner out, or somebody deletes it as well
        _open_up(path)
        for folder, inside, _ in os.walk(path):
            for name in inside:
                if not Path(folder, name).is_symlink():
                    _open_up(Path(folder, name))
        shutil.rmtree(path, ignore_errors=True)


def _open_up(folder: Path) -> None:
    with suppress(OSError):
        folder.chmod(0o700)


def make_folder(path: Path) -> None:
    """Make a folder, and those above it, in place of anything else that has its name.

    Raises OSError when it cannot be made.
    """
    for attempt in range(TRIES):
        if path.is_dir():
            return
        # Not by remove(): where another run made the folder just now, its work may be in there.
        try:
            with suppress(FileNotFoundError, NotADirectoryError):
                path.unlink()
        except OSError:  # a folder, or what is not ours to delete
            if not path.is_dir():
                raise
        try:
            path.mkdir(parents=True)
        except (FileExistsError, FileNotFoundError):  # another run makes or deletes it just now
            if attempt == TRIES - 1:
                raise
