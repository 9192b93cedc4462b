"""Memory that ran out, recognised on any device, and work that is halved until it fits."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import torch

from rateval.errors import RatevalError

_T = TypeVar("_T")
_LOG = logging.getLogger("rateval")
_WORDS = (
    "out of memory",
    "ALLOC_FAILED",
    "DefaultCPUAllocator",
    "can't allocate memory",
    "not enough memory",
)


class Portions:
    """As many images at once as fit into memory, found by halving a batch that doesn't.

    ``doing`` is what happens to them, such as ``explained``, and ``advice`` what to do when one
    image alone is too much. What fitted is remembered for the batches to come; each step down is
    said by a warning of the logger ``rateval``. No more than ``most`` are tried at once.
    """

    def __init__(self, doing: str, advice: str, most: int | None = None) -> None:
        self._doing, self._advice = doing, advice
        self.most = most
        """Images that are tried at once at most; None for no limit."""

    def each(self, count: int, compute: Callable[[slice], _T]) -> list[_T]:
        """Return what ``compute`` makes of consecutive slices of ``count`` images, of all at best.

        Raises what ``compute`` raises, and RatevalError when one image does not fit into memory.

        >>> Portions("counted", "count fewer").each(3, lambda part: part.stop - part.start)
        [3]
        """
        found: list[_T] = []
        done = 0
        while done < count:
            size = min(self.most or count, count - done)
            part = _attempt(compute, slice(done, done + size))
            if part is None:
                self.most = self._halve(size)
            else:
                found += part
                done += size
        return found

    def _halve(self, size: int) -> int:
        if size == 1:
            raise RatevalError(
                "one image alone does not fit into the device's memory while it is "
                f"{self._doing}; {self._advice}"
            )
        half = size // 2
        _LOG.warning(
            "%d images at once do not fit into the device's memory while they are %s; "
            "they are now %s %d at a time",
            size,
            self._doing,
            self._doing,
            half,
        )
        return half


def _attempt(compute: Callable[[slice], _T], part: slice) -> tuple[_T] | None:
    # Only after this function has returned are the tensors of the failed pass let go of: the
    # exception's traceback holds them.
    try:
        return (compute(part),)
    except MemoryError:
        return None
    except RuntimeError as error:
        if not is_out_of_memory(error):
            raise
        return None


_PATCHES_AT_ONCE = 4096
_IMAGES_AT_ONCE = 16
_IMAGES_A_THREAD = 8


def limit_explained(device: str, patches: int) -> int | None:
    """Return how many images of so many patches are best explained at once; None for no limit.

    A pass backwards keeps all that the pass forward made. Where that outgrows the caches of a
    processor, and memory is asked for and given back for every batch, more images at once take more
    time for each: `docs/performance.md` has what was measured. Threads are given enough to share.

    >>> limit_explained("cuda", 196), limit_explained("cpu", 576), limit_explained("cpu", 9999)
    (None, 7, 1)
    """
    if torch.device(device).type != "cpu":
        return None
    images = max(_IMAGES_AT_ONCE, _IMAGES_A_THREAD * torch.get_num_threads())
    return max(1, min(images, _PATCHES_AT_ONCE // patches))


def find_available(root: Path = Path("/")) -> int | None:
    """Return how many bytes of the host's memory are available to this process.

    That is the least of what Linux and the control group that holds the process say, and None
    where nobody says it. ``root`` is where their files begin.
    """
    said = re.search(r"^MemAvailable:\s*(\d+) kB", _read(root / "proc/meminfo"), re.MULTILINE)
    found = [int(said[1]) * 1024] if said else []
    own = re.search(r"^0::/(.*)$", _read(root / "proc/self/cgroup"), re.MULTILINE)
    group = root / "sys/fs/cgroup" / (own[1] if own else "")
    limit, used = _read(group / "memory.max").strip(), _read(group / "memory.current").strip()
    if limit.isdigit() and used.isdigit():
        cached = re.search(r"^inactive_file (\d+)$", _read(group / "memory.stat"), re.MULTILINE)
        found.append(max(0, int(limit) - int(used) + (int(cached[1]) if cached else 0)))
    return min(found, default=None)


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""


def is_out_of_memory(error: RuntimeError) -> bool:
    """Return whether torch found no memory; MPS, cuBLAS and the CPU say so in words only.

    >>> is_out_of_memory(RuntimeError("MPS backend out of memory (MPS allocated: 9 GB)"))
    True
    >>> is_out_of_memory(RuntimeError("shapes cannot be multiplied"))
    False
    """
    said = any(word in str(error) for word in _WORDS)
    return isinstance(error, torch.cuda.OutOfMemoryError) or said
