"""Failures of training, worded so that one knows what to change."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from rateval.api import RatevalError
from rateval.modelkit import is_out_of_memory
from rateval_finetune.params import TrainingParams


def diverged(what: str, where: str, optimizer: torch.optim.Optimizer) -> RatevalError:
    """Return the error for a number that is not finite."""
    rates = ", ".join(f"{group['name']} = {group['lr']:g}" for group in optimizer.param_groups)
    return RatevalError(
        f"{what} at {where} with the rates {rates}; training only goes on from finite numbers. Use "
        "a tenth of the rate, clip_norm = 1.0 or a warmup; if it happens at step 1 whatever the "
        "rate, look for images or weights of the model that are not finite, or use "
        'precision = "float32"'
    )


@contextmanager
def explained_memory(where: str, params: TrainingParams) -> Iterator[None]:
    """Raise RatevalError, with what to lower, when memory runs out within the context."""
    try:
        yield
    except RuntimeError as error:
        if not is_out_of_memory(error):
            raise
        raise out_of_memory(where, params) from error


def out_of_memory(where: str, params: TrainingParams) -> RatevalError:
    """Return the error for memory that ran out, with what to lower."""
    return RatevalError(
        f"out of memory at {where} with batch_size = {params.batch_size} in {params.accumulate} "
        f"pass(es); set accumulate = {2 * params.accumulate}, which holds half as many images at a "
        f"time, or lower batch_size to {max(1, params.batch_size // 2)}"
    )
