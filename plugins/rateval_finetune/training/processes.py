"""What Hugging Face accelerate does for a training: precision, and several processes."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import torch
from accelerate import Accelerator, PartialState
from accelerate.state import AcceleratorState
from accelerate.utils import broadcast_object_list, gather_object

from rateval.api import RatevalError
from rateval.modelkit import require_precision

T = TypeVar("T")

_PRECISIONS = {"float32": "no", "bfloat16": "bf16", "float16": "fp16"}


def make_accelerator(precision: str, device: str) -> Accelerator:
    """Make the accelerator of one training.

    Raises RatevalError for a precision that the device can't compute in, or only more slowly.
    """
    kind = torch.device(device).type
    if precision == "float16" and kind != "cuda":
        raise RatevalError(
            f'precision = "float16": the device "{device}" can\'t train in it; use "bfloat16" or '
            '"float32", or a CUDA device'
        )
    if precision == "bfloat16":
        require_precision(precision, device, "precision")
    # Accelerate keeps its first settings for the whole process, and has no public way to drop
    # them; a study trains with several.
    together = torch.distributed.is_initialized()
    AcceleratorState._reset_state(reset_partial_state=not together)
    return Accelerator(
        cpu=kind == "cpu",
        mixed_precision=_PRECISIONS[precision],
        device_placement=False,  # the context's device was chosen before
    )


def say_once(say: Callable[[], T]) -> T:
    """Return to every process what the first one says; the others only wait for it."""
    state = PartialState()
    said: list[T | None] = [say() if state.is_main_process else None]
    if state.num_processes > 1:
        broadcast_object_list(said)
    heard: T = said[0]  # type: ignore[assignment]  # never the None of a process that waited
    return heard


def in_any_process(holds: bool) -> bool:
    """Return whether something holds in one of the processes; each of them must ask."""
    return any(gather_object([holds]))
