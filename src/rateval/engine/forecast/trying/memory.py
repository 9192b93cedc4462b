"""The most memory that was held since a moment, and what there is."""

from __future__ import annotations

import resource
import sys
from pathlib import Path

import torch

_SELF, _ALL, _GROUP = Path("/proc/self"), Path("/proc/meminfo"), Path("/sys/fs/cgroup")
_UNIT = 1 if sys.platform == "darwin" else 1024
"""Bytes that ``getrusage`` counts in."""


class PeakMemory:
    """The most bytes that were held since ``begin``: of a GPU what torch had, else of the process.

    Where the system doesn't forget a peak, it is that of the whole process.
    """

    def __init__(self, device: str) -> None:
        self._device = device
        self.begin()

    def begin(self) -> None:
        """Forget what was held before."""
        if self._device.startswith("cuda"):
            torch.cuda.reset_peak_memory_stats(self._device)
            return
        try:
            (_SELF / "clear_refs").write_text("5", encoding="ascii")
        except OSError:
            return

    def read(self) -> int:
        """Return the bytes."""
        if self._device.startswith("cuda"):
            return torch.cuda.max_memory_reserved(self._device)
        peak = _read_kilobytes(_SELF / "status", "VmHWM")
        if peak is not None:
            return peak
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _UNIT


def read_available(device: str) -> int | None:
    """Return the bytes that steps may hold, with what this process holds; None if nobody tells."""
    if device.startswith("cuda"):
        free, _ = torch.cuda.mem_get_info(device)
        return free + torch.cuda.memory_reserved(device)
    available = _read_kilobytes(_ALL, "MemAvailable")
    if available is None:
        return None
    own = _read_kilobytes(_SELF / "status", "VmRSS") or 0
    limits = [available + own]
    try:  # a container's own bound
        most = (_GROUP / "memory.max").read_text(encoding="ascii").strip()
        held = (_GROUP / "memory.current").read_text(encoding="ascii").strip()
    except OSError:
        return min(limits)
    if most.isdecimal() and held.isdecimal():
        limits.append(max(0, int(most) - int(held)) + own)
    return min(limits)


def _read_kilobytes(path: Path, name: str) -> int | None:
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return None
    for line in lines:
        key, _, value = line.partition(":")
        if key == name:
            return int(value.split()[0]) * 1024
    return None
