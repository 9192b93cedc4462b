"""Which part of this computer each worker gets: a GPU, or cores of its own."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from rateval.errors import RatevalError

VISIBLE = "CUDA_VISIBLE_DEVICES"


@dataclass(frozen=True, slots=True)
class Place:
    """What one worker gets of a computer; nothing of its own where both are None."""

    gpu: str | None = None
    """Name of its GPU, as CUDA_VISIBLE_DEVICES names it."""
    cores: tuple[int, ...] | None = None
    """Cores that it may use."""

    def take(self) -> None:
        """Bind this process to its place, before it looks for devices."""
        if self.gpu is not None:
            os.environ[VISIBLE] = self.gpu
        if self.cores is not None:
            os.sched_setaffinity(0, self.cores)


def find_places(device: str, asked: Sequence[int] | str | None, workers: int | None) -> list[Place]:
    """Return the place of each worker, for a study on ``device``.

    Raises RatevalError for GPUs that aren't here, and for devices where the study names one.
    """
    if asked is None:
        return [Place()] * (workers or 1)
    if not device.startswith("cuda"):
        return _share_cores(device, asked, workers)
    cards = _list_cards()
    chosen = list(range(len(cards))) if isinstance(asked, str) else list(asked)
    strange = [index for index in chosen if index >= len(cards)]
    if strange:
        here = ", ".join(map(str, range(len(cards)))) or "none"
        raise RatevalError(
            f"executor.devices: there is no GPU {strange[0]} on this computer; there is {here}"
        )
    return [Place(cards[chosen[at % len(chosen)]]) for at in range(workers or len(chosen))]


def _list_cards() -> list[str]:
    import torch

    named = [name.strip() for name in os.environ.get(VISIBLE, "").split(",") if name.strip()]
    return named or [str(index) for index in range(torch.cuda.device_count())]


def _share_cores(device: str, asked: Sequence[int] | str, workers: int | None) -> list[Place]:
    if not isinstance(asked, str):
        raise RatevalError(
            f"executor.devices = {list(asked)}: these are numbers of GPUs, and the study runs on "
            f'"{device}"; leave them away, or take "all" to give each worker cores of its own'
        )
    if not hasattr(os, "sched_getaffinity") or device != "cpu":
        return [Place()] * (workers or 1)
    cores = sorted(os.sched_getaffinity(0))
    count = workers or len(cores)
    if count > len(cores):
        return [Place(cores=(cores[at % len(cores)],)) for at in range(count)]
    bounds = [len(cores) * at // count for at in range(count + 1)]
    return [Place(cores=tuple(cores[start:stop])) for start, stop in pairwise(bounds)]
