"""The devices of this computer, each tried with one product."""

from __future__ import annotations

import torch

from rateval.doctor.record import Device
from rateval.errors import name_error
from rateval.machine.precision import possible_precisions
from rateval.machine.processor import read_processor


def list_devices() -> list[str]:
    """Return what ``--device`` takes here, the one that ``auto`` takes first."""
    cards = torch.cuda.device_count() if torch.cuda.is_available() else 0
    others = ["mps"] if torch.backends.mps.is_available() else []
    return [*(f"cuda:{index}" for index in range(cards)), *others, "cpu"]


def try_device(name: str) -> Device:
    """Describe a device, and multiply two numbers there; never raises.

    >>> cpu = try_device("cpu")
    >>> cpu.broken, cpu.precisions[0]
    (None, 'float32')
    """
    hardware, memory = "", None
    try:
        hardware, memory = _describe(name)
        one = torch.full((2, 2), 3.0, device=name)
        if (one @ one).tolist() != [[18.0, 18.0], [18.0, 18.0]]:
            return Device(name, hardware, memory, (), "3 · 3 + 3 · 3 isn't 18 there")
        return Device(name, hardware, memory, tuple(possible_precisions(name)), None)
    except Exception as error:  # whatever a driver raises
        return Device(name, hardware, memory, (), name_error(error))


def _describe(name: str) -> tuple[str, int | None]:
    if name == "cpu":
        return read_processor().name, None
    if name.startswith("cuda"):
        card = torch.cuda.get_device_properties(name)
        return card.name, int(card.total_memory)
    return "", None
