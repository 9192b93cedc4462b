"""How a check reports which promise is broken."""

from __future__ import annotations

import torch
from typing_extensions import get_protocol_members


class ConformanceError(AssertionError):
    """A promise that a plugin's object breaks: what the protocol asks, and what was got."""


def require(holds: bool | torch.Tensor, where: str, asked: str, got: object) -> None:
    """Raise ConformanceError as ``{where} must {asked}; got {got}`` unless it ``holds``.

    >>> require(False, "Metric.label", "be a string", 3)
    Traceback (most recent call last):
    rateval.testing.failure.ConformanceError: Metric.label must be a string; got 3
    """
    if not bool(holds):
        raise ConformanceError(f"{where} must {asked}; got {got}")


def require_members(thing: object, protocol: type) -> None:
    """Raise ConformanceError unless ``thing`` has every public member that ``protocol`` names."""
    names = {name for name in get_protocol_members(protocol) if not name.startswith("_")}
    missing = sorted(name for name in names if not hasattr(thing, name))
    require(
        not missing,
        f"{protocol.__name__}: {type(thing).__name__}",
        f"offer {', '.join(sorted(names))}",
        f"no {', '.join(missing)}",
    )


def require_tensor(
    tensor: object, shape: tuple[int | None, ...], dtype: torch.dtype, where: str, meaning: str
) -> None:
    """Raise ConformanceError unless ``tensor`` has this dtype and shape; None is any length.

    ``meaning`` names the axes, such as ``(B, rows, cols)``.
    """
    fits = (
        isinstance(tensor, torch.Tensor)
        and tensor.dtype == dtype
        and tensor.ndim == len(shape)
        and all(want in (None, size) for want, size in zip(shape, tensor.shape, strict=True))
    )
    wanted = ", ".join("any" if length is None else str(length) for length in shape)
    name = str(dtype).removeprefix("torch.")
    asked = f"be {meaning} {name}, here ({wanted})"
    require(fits, where, asked, describe(tensor))


def describe(value: object) -> str:
    """Return shape and dtype of a tensor, the value itself of anything else.

    >>> describe(torch.zeros(2, 3)), describe(None)
    ('(2, 3) float32', 'None')
    """
    if isinstance(value, torch.Tensor):
        return f"{tuple(value.shape)} {str(value.dtype).removeprefix('torch.')}"
    return repr(value)


def difference(one: torch.Tensor, other: torch.Tensor) -> float:
    """Return the largest absolute difference, relative to the largest value of ``other``.

    >>> difference(torch.tensor([1.0, 2.0]), torch.tensor([1.0, 4.0]))
    0.5
    """
    if one.numel() == 0:
        return 0.0
    scale = other.abs().max().clamp(min=torch.finfo(other.dtype).tiny)
    return float(((one - other).abs().max() / scale).item())
