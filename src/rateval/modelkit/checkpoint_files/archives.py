"""Zip archives from elsewhere, looked at from outside before anything in them is unpacked."""

from __future__ import annotations

import zipfile
from pathlib import Path

from rateval.errors import RatevalError

_FREE = 1 << 28
_MOST_GROWTH = 10
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_ENCRYPTED = 0x1


def names_in_archive(path: Path) -> list[str]:
    """Return the names in a zip archive, such as a torch file or a .npz file.

    Raises RatevalError when it is damaged, encrypted, or of a kind that torch and numpy can't
    unpack, and when it would unpack to more than ten times its own size (256 MiB are free).
    """
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
    except NotImplementedError as error:
        raise _refusal(path, f"of a newer format ({error})") from error
    except (zipfile.BadZipFile, ValueError) as error:
        raise RatevalError(
            f"{path}: cannot be read: the archive is damaged or cut short; copy it again"
        ) from error
    except OSError as error:
        raise RatevalError(f"{path}: cannot be read: {error.strerror or error}") from error
    if any(entry.flag_bits & _ENCRYPTED for entry in entries):
        raise _refusal(path, "encrypted")
    packed = next((entry for entry in entries if entry.compress_type not in _METHODS), None)
    if packed is not None:
        raise _refusal(path, f"of a newer format (compression method {packed.compress_type})")
    unpacked, size = sum(entry.file_size for entry in entries), path.stat().st_size
    if unpacked > _FREE + _MOST_GROWTH * size:
        raise RatevalError(
            f"{path}: {size:,} bytes that unpack to {unpacked:,}; at most {_MOST_GROWTH} times as "
            f"many and {_FREE >> 20} MiB are unpacked: numbers don't shrink like that; save it "
            "again without compression where you trust it"
        )
    return [entry.filename for entry in entries]


def _refusal(path: Path, what: str) -> RatevalError:
    return RatevalError(
        f"{path}: an archive that is {what}, which cannot be unpacked; save it again as torch or "
        "numpy do, without a password"
    )
