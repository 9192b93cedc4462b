"""The processor of this machine: its name, its instructions, and how long it takes in bfloat16."""

from __future__ import annotations

import functools
import platform
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch.nn import functional as F

_CPUINFO = Path("/proc/cpuinfo")
_ROWS, _WIDTH = 256, 768
_ENOUGH_S = 0.3
_ROUNDS = 10


@dataclass(frozen=True, slots=True)
class Processor:
    """What a processor says of itself, and what it shows when it is timed."""

    name: str
    flags: frozenset[str]
    """Its instructions as Linux names them; empty where the system doesn't tell."""
    slowdown: Callable[[], float]
    """Measures how many times as long a linear layer takes in bfloat16 as in float32."""

    @property
    def has_bfloat16(self) -> bool:
        """Whether it says that it has instructions for bfloat16.

        >>> Processor("new", frozenset({"avx2", "avx512_bf16"}), lambda: 0.5).has_bfloat16
        True
        """
        return not self.flags.isdisjoint(("avx512_bf16", "amx_bf16", "bf16"))


def read_processor(cpuinfo: Path = _CPUINFO) -> Processor:
    """Describe this machine's processor by the file in which Linux does.

    >>> read_processor(Path("nowhere")).flags
    frozenset()
    """
    try:
        lines = cpuinfo.read_text(encoding="utf-8").splitlines()
    except OSError:
        name = platform.processor() or platform.machine()
        return Processor(name, frozenset(), time_bfloat16)
    said = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}
    # Arm has Features, and no name.
    flags = frozenset(said.get("flags", said.get("Features", "")).split())
    return Processor(said.get("model name") or platform.machine(), flags, time_bfloat16)


@functools.cache
def time_bfloat16() -> float:
    """Return how many times as long as in float32 a small linear layer takes in bfloat16 here.

    It is measured once in a process, in less than half a second; the fastest of some rounds counts.
    """
    kinds = (torch.float32, torch.bfloat16)
    pairs = [(torch.ones(_ROWS, _WIDTH).to(k), torch.ones(_WIDTH, _WIDTH).to(k)) for k in kinds]
    for one, other in pairs:
        F.linear(one, other)  # the first product of a kind also sets up the library
    rounds: list[tuple[float, float]] = []
    begin = time.perf_counter()
    while len(rounds) < _ROUNDS and (not rounds or time.perf_counter() - begin < _ENOUGH_S):
        rounds.append((_time(*pairs[0]), _time(*pairs[1])))
    exact = min(first for first, _ in rounds)
    return min(second for _, second in rounds) / exact


def _time(one: torch.Tensor, other: torch.Tensor) -> float:
    start = time.perf_counter()
    F.linear(one, other)
    return time.perf_counter() - start
