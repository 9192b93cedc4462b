"""Downloads of official checkpoints: the only code of rateval that touches the network."""

from __future__ import annotations

import hashlib
import secrets
import tomllib
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from rateval.errors import RatevalError
from rateval.wording import suggest

TIMEOUT_S = 60.0
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """One row of ``checkpoints.toml``."""

    name: str
    address: str
    file: str
    licence: str
    use: str
    """What goes into ``[[model]]`` beside the path."""
    sha256: str = ""
    """As the publisher gives it; empty where none is published."""
    parameter: str = "pretrained"
    """Parameter of the model that takes the path."""


def load_checkpoints() -> tuple[Checkpoint, ...]:
    """Read the rows of the ``checkpoints.toml`` that ships with rateval."""
    text = (
        resources.files("rateval.checkpoints")
        .joinpath("checkpoints.toml")
        .read_text(encoding="utf-8")
    )
    return tuple(Checkpoint(**row) for row in tomllib.loads(text)["checkpoint"])


def find_checkpoint(name: str, rows: Sequence[Checkpoint]) -> Checkpoint:
    """Return the row of that name. Raises RatevalError that says what was meant."""
    names = [row.name for row in rows]
    if name in names:
        return rows[names.index(name)]
    hint = suggest(name, names)
    raise RatevalError(f"{name}: no official checkpoint is known by this name; {hint}")


def fetch(row: Checkpoint, path: Path, tell: Callable[[int, int | None], None]) -> str:
    """Download to ``path``, check its digest and return it; nothing half done is left there.

    ``tell`` gets the bytes so far and the size, None when the server does not say. Raises
    RatevalError when the server cannot be reached, or what came is not what was published.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RatevalError(f"{path.parent}: cannot be written to: {error.strerror}") from None
    # A name of its own: two downloads into one file would be a mixture of both.
    unfinished = path.with_name(f".{path.name}-{secrets.token_hex(4)}.part")
    try:
        digest = _download(row, path, unfinished, tell)
        if row.sha256 and digest != row.sha256:
            raise RatevalError(
                f"{row.address}: what came has sha256 {digest}, but {row.sha256} is published; "
                "nothing was kept; try again, or find out who changed it"
            )
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
    return digest


def _download(
    row: Checkpoint, goal: Path, path: Path, tell: Callable[[int, int | None], None]
) -> str:
    digest, done = hashlib.sha256(), 0
    try:
        with (
            urllib.request.urlopen(row.address, timeout=TIMEOUT_S) as answer,  # noqa: S310 - ours
            path.open("wb") as file,
        ):
            length = answer.headers.get("Content-Length")
            size = int(length) if length else None
            while chunk := answer.read(_CHUNK):
                file.write(chunk)
                digest.update(chunk)
                done += len(chunk)
                tell(done, size)
    except (urllib.error.URLError, OSError) as error:
        reason = getattr(error, "reason", None) or error
        raise RatevalError(
            f"{row.address}: cannot be downloaded: {reason}; check the connection, or download it "
            f"elsewhere and put it at {goal}"
        ) from None
    if size is not None and done != size:
        raise RatevalError(f"{row.address}: broke off after {done} of {size} bytes; try again")
    return digest.hexdigest()
