"""The device of a run."""

from __future__ import annotations

import torch

from rateval.errors import RatevalError


def resolve_device(asked: str) -> str:
    """Return a torch device string for ``auto``, ``cpu``, ``mps``, ``cuda`` or ``cuda:N``.

    Raises RatevalError when this machine has no such device.

    >>> resolve_device("cpu")
    'cpu'
    """
    if asked == "cpu":
        return asked
    cards = torch.cuda.device_count() if torch.cuda.is_available() else 0
    has_mps = torch.backends.mps.is_available()
    if asked == "auto":
        return "cuda:0" if cards else "mps" if has_mps else "cpu"
    if asked == "mps" and has_mps:
        return asked
    if asked.startswith("cuda") and cards:
        index = int(asked.partition(":")[2] or 0)
        if index < cards:
            return f"cuda:{index}"
    here = [f"cuda:{index}" for index in range(cards)] + (["mps"] if has_mps else []) + ["cpu"]
    raise RatevalError(
        f'run.device = "{asked}": torch {torch.__version__} finds no such device here; '
        f"there is {', '.join(here)}; use --device auto to take the best"
    )


def describe_device(device: str) -> str:
    """Return the name of a device with its hardware, such as ``cuda:0 (NVIDIA H100)``."""
    if device.startswith("cuda"):
        return f"{device} ({torch.cuda.get_device_name(device)})"
    return device
