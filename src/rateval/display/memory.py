"""Memory that a run holds on this computer: of its processes, and of the GPU they compute on."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

_PROC = Path("/proc")
_APART_S, _SHARE = 2.0, 200
"""Seconds between two looks at least, and how many times longer than one took the next waits."""


class Memory:
    """What the run's own processes hold, looked at now and then; ``root`` is where Linux says it.

    Processes on other computers are not counted, and nothing is where nobody says it.
    """

    def __init__(self, root: Path = _PROC) -> None:
        self._root = root
        self._next = 0.0
        self._said = ""

    def say(self) -> str:
        """Return memory for a person, such as ``1.2 GB in 3 processes``; empty where unknown."""
        now = time.monotonic()
        if now >= self._next:
            self._said = ", ".join(filter(None, (self._resident(), _on_gpu())))
            took = time.monotonic() - now
            self._next = now + max(_APART_S, _SHARE * took)
        return self._said

    def _resident(self) -> str:
        try:
            family = find_family(self._root, os.getpid())
            pages = sum(filter(None, (_count_pages(self._root, member) for member in family)))
        except OSError:
            return ""
        if not pages:
            return ""
        size = say_gigabytes(pages * os.sysconf("SC_PAGE_SIZE"))
        return size + (f" in {len(family)} processes" if len(family) > 1 else "")


def find_family(root: Path, process: int) -> list[int]:
    """Return a process and all that descend from it, as far as they are still there."""
    children: dict[int, list[int]] = {}
    for folder in root.iterdir():
        if folder.name.isdigit():
            children.setdefault(_parent(folder), []).append(int(folder.name))
    family, at = [process], 0
    while at < len(family):
        family += children.get(family[at], ())
        at += 1
    return family


def _parent(process: Path) -> int:
    try:
        # The name in brackets is the process's own and may hold anything.
        stat = (process / "stat").read_text(errors="replace").rpartition(")")[2].split()
        return int(stat[1])
    except (OSError, IndexError, ValueError):  # it ended meanwhile
        return -1


def _count_pages(root: Path, process: int) -> int:
    try:
        return int((root / str(process) / "statm").read_text().split()[1])
    except (OSError, IndexError, ValueError):
        return 0


def _on_gpu() -> str:
    """Return what is in use of the GPU that this process computes on; empty where on none."""
    torch = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_initialized():
        return ""
    free, total = torch.cuda.mem_get_info()
    return f"GPU {say_gigabytes(total - free)} of {say_gigabytes(total)}"


def say_gigabytes(count: float) -> str:
    """Return bytes for a person.

    >>> say_gigabytes(123_456_789), say_gigabytes(3_210_000_000), say_gigabytes(80e9)
    ('0.12 GB', '3.2 GB', '80 GB')
    """
    count /= 1e9
    return (
        f"{count:.2f} GB" if count < 1 else f"{count:.1f} GB" if count < 9.95 else f"{count:.0f} GB"
    )
