"""The training loop: epochs, order of samples, progress, and a loss that must stay finite."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch

from rateval.api import Batch, Model, Monitor, RatevalError, Split, load_batches


@dataclass(frozen=True, slots=True)
class Schedule:
    """Hold how often and in which order the samples are seen."""

    epochs: int
    batch_size: int
    generator: torch.Generator
    """Draws the order of samples, anew for each epoch."""


def train(
    split: Split,
    model: Model,
    schedule: Schedule,
    optimizer: torch.optim.Optimizer,
    loss_of: Callable[[Batch], torch.Tensor],
    monitor: Monitor,
) -> None:
    """Minimise ``loss_of``, a () float32 mean over the batch, by one step of each batch.

    Raises RatevalError when loss or weights stop being finite.
    """
    monitor.begin(len(split) * schedule.epochs)
    step = 0
    for epoch in range(1, schedule.epochs + 1):
        order = torch.randperm(len(split), generator=schedule.generator).tolist()
        seen, total = 0, 0.0
        for batch in load_batches(split, model, batch_size=schedule.batch_size, indices=order):
            if len(batch):
                step += 1
                where = f"step {step} (epoch {epoch} of {schedule.epochs})"
                total += len(batch) * _descend(loss_of(batch), optimizer, where)
                seen += len(batch)
            note = f"epoch {epoch}/{schedule.epochs}"
            note += f" loss {total / seen:.2f}" if seen else ""
            monitor.advance(len(batch) + len(batch.skipped), note)
    _require_finite_weights(optimizer, f"step {step}, the last one,")


def first_images(split: Split, model: Model) -> torch.Tensor:
    """Return the first readable sample as (1, 3, H, W) float32.

    Raises RatevalError when there is none.
    """
    reasons = []
    for batch in load_batches(split, model, batch_size=1):
        if len(batch):
            return batch.images
        reasons += [f"{skipped.id}: {skipped.reason}" for skipped in batch.skipped]
    raise RatevalError(
        f"none of the {len(split)} training samples can be read"
        + (f" (the first: {reasons[0]})" if reasons else "")
        + "; check the dataset's train split, or use a method that doesn't train, such as zs"
    )


@contextmanager
def own_randomness(seed: int, device: str) -> Iterator[None]:
    """Seed torch's global generators, which dropout uses, and give them back as they were."""
    place = torch.device(device)
    with torch.random.fork_rng([place] if place.type == "cuda" else []):
        torch.manual_seed(seed)
        yield


def _descend(loss: torch.Tensor, optimizer: torch.optim.Optimizer, where: str) -> float:
    value = loss.item()
    if not math.isfinite(value):
        raise _diverged(f"the loss is {value}", optimizer, where)
    optimizer.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
    optimizer.step()
    return value


def _require_finite_weights(optimizer: torch.optim.Optimizer, where: str) -> None:
    weights = (weight for group in optimizer.param_groups for weight in group["params"])
    if not all(bool(weight.isfinite().all()) for weight in weights):
        raise _diverged("a weight is not finite", optimizer, where)


def _diverged(what: str, optimizer: torch.optim.Optimizer, where: str) -> RatevalError:
    rates = ", ".join(f"{group['name']} = {group['lr']:g}" for group in optimizer.param_groups)
    return RatevalError(
        f"{what} at {where} with the rates {rates}; training only goes on from finite numbers. "
        "Use a tenth of the rate; if it happens at step 1 whatever the rate, look for images or "
        "model weights that are not finite, or use float32"
    )
