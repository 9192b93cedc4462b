"""What ``PredictionRationality.update`` is given, checked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from rateval.errors import RatevalError
from rateval.machine.finite import name_fault
from rateval.wording import describe, write_count

CALL = "rateval.PredictionRationality"
_JUDGED = ("correct", "valid", "known")
_UNJUDGED = ("logits", "labels", "relevance", "masks", "known")
_SAME = {"preds": "logits", "target": "labels"}
"""What torchmetrics calls an argument to what it is called here."""
_ASKED = "give correct and valid, or logits, labels, relevance and masks"


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """Outcomes of a batch, each (B,) bool, on one device."""

    correct: torch.Tensor
    valid: torch.Tensor
    known: torch.Tensor


@dataclass(frozen=True, slots=True, eq=False)
class Unjudged:
    """A batch that is still to be judged; all but the logits are on the CPU."""

    logits: torch.Tensor
    """(B, K), finite."""
    labels: torch.Tensor
    """(B,), each a class."""
    relevance: torch.Tensor
    """(B, rows, columns) float32, finite and not negative."""
    masks: torch.Tensor
    """(B, H, W) bool."""
    known: torch.Tensor
    """(B,) bool, where there is a mask."""


def read_batch(given: Sequence[object], **named: object) -> Judged | Unjudged:
    """Return a batch given in order or by name; names that are None were not given.

    Raises RatevalError for whatever is no batch of either form.
    """
    batch = _sort(given, {name: value for name, value in named.items() if value is not None})
    if "correct" in batch:
        right, sound = (_bools(batch[name], name) for name in ("correct", "valid"))
        _require_count("valid", len(sound), len(right))
        return Judged(right, sound.to(right.device), _known(batch, right))
    logits = _logits(batch["logits"])
    count, classes = logits.shape
    masks, there = _masks(batch["masks"], count)
    return Unjudged(
        logits,
        _labels(batch["labels"], count, classes),
        _relevance(batch["relevance"], count),
        masks,
        there & _known(batch, there),
    )


def _sort(given: Sequence[object], named: dict[str, Any]) -> dict[str, Any]:
    """Return all arguments of one form by name."""
    names = _JUDGED if len(given) <= len(_JUDGED) else _UNJUDGED
    if len(given) > len(names):
        raise _wrong(f"has {len(given)} arguments in order; {_ASKED}")
    batch = {name: value for name, value in zip(names, given, strict=False) if value is not None}
    for name, value in named.items():
        called = _SAME.get(name, name)
        if called in batch:
            raise _wrong(f"{name} is given twice; {_ASKED}")
        batch[called] = value
    if not batch:
        raise _wrong(f"nothing is given; {_ASKED}")
    asked = {*_JUDGED} if batch.keys() & {"correct", "valid"} else {*_UNJUDGED}
    lacking = [name for name in (*_JUDGED[:2], *_UNJUDGED[:4]) if name in asked - batch.keys()]
    if lacking:
        raise _wrong(f"{', '.join(lacking)} left out; {_ASKED}")
    if batch.keys() - asked:
        raise _wrong(f"{', '.join(sorted(batch.keys() - asked))} beside correct; {_ASKED}")
    return batch


def _known(batch: dict[str, Any], like: torch.Tensor) -> torch.Tensor:
    if "known" not in batch:
        return torch.ones_like(like)
    known = _bools(batch["known"], "known")
    _require_count("known", len(known), len(like))
    return known.to(like.device)


def _bools(value: object, name: str) -> torch.Tensor:
    if not isinstance(value, torch.Tensor) or value.dtype != torch.bool or value.ndim != 1:
        raise _wrong(f"{name}: is {describe(value)}; give a tensor (B,) of bool")
    return value.detach()


def _logits(value: object) -> torch.Tensor:
    if not isinstance(value, torch.Tensor) or not value.is_floating_point() or value.ndim != 2:
        raise _wrong(f"logits: is {describe(value)}; give a tensor (B, K) of floats")
    fault = name_fault(value)
    if fault:
        raise _wrong(f"logits: are {fault}: training has diverged; lower its rate")
    return value.detach()


def _labels(value: object, count: int, classes: int) -> torch.Tensor:
    whole = isinstance(value, torch.Tensor) and not (
        value.is_floating_point() or value.is_complex() or value.dtype == torch.bool
    )
    if not isinstance(value, torch.Tensor) or not whole or value.ndim != 1:
        raise _wrong(f"labels: is {describe(value)}; give a tensor (B,) of whole numbers")
    _require_count("labels", len(value), count)
    labels = value.detach().cpu()
    outside = ((labels < 0) | (labels >= classes)).nonzero().flatten().tolist()
    if outside:
        at = outside[0]
        raise _wrong(f"labels[{at}] = {int(labels[at])}: logits are of classes 0 to {classes - 1}")
    return labels


def _relevance(value: object, count: int) -> torch.Tensor:
    if not isinstance(value, torch.Tensor) or not value.is_floating_point() or value.ndim != 3:
        raise _wrong(f"relevance: is {describe(value)}; give a tensor (B, rows, columns) of floats")
    _require_count("relevance", len(value), count)
    maps = value.detach().float().cpu()
    fault = name_fault(maps) or ("negative" if bool((maps < 0).any()) else None)
    if fault:
        raise _wrong(f"relevance: is {fault}; give maps that are finite and at least 0")
    return maps


def _masks(value: object, count: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return masks (B, H, W) and (B,) bool where there is one."""
    asked = "give a tensor (B, H, W) of bool, or a list of (H, W) with None where there is none"
    given = value if isinstance(value, torch.Tensor) else None
    there = torch.ones(count, dtype=torch.bool)
    if given is None:
        if not isinstance(value, list | tuple):
            raise _wrong(f"masks: is {describe(value)}; {asked}")
        _require_count("masks", len(value), count)
        there = torch.tensor([mask is not None for mask in value], dtype=torch.bool)
        given = _stacked(value, asked)
    if given.dtype != torch.bool or given.ndim != 3:
        more = "" if given.dtype == torch.bool else "; of numbers, masks > 0"
        raise _wrong(f"masks: is {describe(given)}; {asked}{more}")
    _require_count("masks", len(given), count)
    return given.detach().cpu(), there


def _stacked(value: Sequence[object], asked: str) -> torch.Tensor:
    found = [mask for mask in value if mask is not None]
    odd = [mask for mask in found if not isinstance(mask, torch.Tensor) or mask.ndim != 2]
    if odd:
        raise _wrong(f"masks: holds {describe(odd[0])}; {asked}")
    tensors = [mask for mask in found if isinstance(mask, torch.Tensor)]
    shapes = {tuple(mask.shape) for mask in tensors}
    if len(shapes) > 1:
        raise _wrong(f"masks: have sizes {sorted(shapes)}; give those of one view of the model")
    nothing = torch.zeros(next(iter(shapes), (1, 1)), dtype=torch.bool)
    filled = [mask if isinstance(mask, torch.Tensor) else nothing for mask in value]
    return torch.stack([mask.cpu() for mask in filled]) if filled else nothing[None][:0]


def _require_count(name: str, count: int, expected: int) -> None:
    if count != expected:
        raise _wrong(
            f"{name}: is of {write_count(count, 'image')}, the first argument of {expected}"
        )


def _wrong(what: str) -> RatevalError:
    return RatevalError(f"{CALL}.update: {what}")
