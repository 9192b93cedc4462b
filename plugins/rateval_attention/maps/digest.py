"""A digest of precomputed maps, without numpy or torch."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from rateval.api import RatevalError
from rateval.modelkit import digest_files

if TYPE_CHECKING:
    from rateval_attention.params import PrecomputedParams


def digest(params: PrecomputedParams) -> str:
    """Return a digest of the file, or of every map of the folder.

    Raises RatevalError when there is no such file or folder.
    """
    path = Path(params.path).expanduser()
    try:
        folder, file = path.is_dir(), path.is_file()
    except OSError as error:  # such as a name that is too long
        raise RatevalError(f"precomputed: path = {path}: {error.strerror}") from None
    if not folder:
        if not file:
            raise RatevalError(
                f"precomputed: path = {path}: there is no such file or folder; maps must be there "
                "before the study runs"
            )
        return digest_files({"maps": path})
    return digest_files({str(one.relative_to(path)): one for one in path.rglob("*.npy")})
