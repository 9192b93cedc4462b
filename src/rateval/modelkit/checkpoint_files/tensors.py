"""The refusal of tensors that are not the plain numbers a model is made of."""

from __future__ import annotations

from pathlib import Path

import torch

from rateval.errors import RatevalError

_KINDS = frozenset(
    [
        *(torch.float64, torch.float32, torch.float16, torch.bfloat16),
        *(torch.float8_e4m3fn, torch.float8_e5m2, torch.bool),
        *(torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8),
    ]
)
_FREE = 1 << 28


def require_plain_tensor(key: str, tensor: torch.Tensor, path: Path) -> None:
    """Raise RatevalError unless the tensor ``key`` of the file at ``path`` holds plain numbers.

    Sparse, nested, quantised and complex ones are none, nor are those without numbers (on torch's
    device "meta") and those that repeat the few numbers of the file until memory is full.

    >>> require_plain_tensor("w", torch.zeros(2), Path("a.pt"))
    >>> require_plain_tensor("w", torch.zeros(2, device="meta"), Path("a.pt"))
    Traceback (most recent call last):
    rateval.errors.RatevalError: a.pt: w is a tensor without numbers (on torch's device "meta"); \
save the weights themselves
    """
    fault = _fault_of(tensor)
    if fault is not None:
        raise RatevalError(f"{path}: {key} is {fault}")


def _fault_of(tensor: torch.Tensor) -> str | None:
    if tensor.device.type == "meta":
        return 'a tensor without numbers (on torch\'s device "meta"); save the weights themselves'
    if tensor.is_quantized:
        return f"quantised ({_name(tensor.dtype)}); save its numbers, by .dequantize()"
    if tensor.is_nested or tensor.layout != torch.strided:
        return "sparse or nested; save its numbers, by .to_dense()"
    if tensor.dtype not in _KINDS:
        return (
            f"of the kind {_name(tensor.dtype)}, of which no model here is made; save it as float32"
        )
    asked, held = tensor.numel() * tensor.element_size(), tensor.untyped_storage().nbytes()
    if asked > max(held, _FREE):
        return (
            f"{tuple(tensor.shape)}, which would take {asked:,} bytes and repeats the {held:,} "
            "that the file holds of it; save it by .clone()"
        )
    return None


def _name(kind: torch.dtype) -> str:
    return str(kind).removeprefix("torch.")
