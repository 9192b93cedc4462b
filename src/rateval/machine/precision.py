"""Image towers in a floating-point format of half the size, and all around them in float32."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager

import torch

from rateval.api.protocols import Model
from rateval.errors import RatevalError
from rateval.machine.device import describe_device
from rateval.machine.finite import describe_broken
from rateval.machine.processor import read_processor

HALVES = ("bfloat16", "float16")

_Encode = Callable[[torch.Tensor], torch.Tensor]

_CAST = (torch.nn.Linear, torch.nn.modules.conv._ConvNd, torch.nn.MultiheadAttention)
"""Modules whose weights autocast would cast for each batch again."""


HERE = read_processor()
"""This machine's processor."""
_GAIN = 0.9
"""What bfloat16 must at most take, of the time in float32, where no flag says that it is there."""


def require_precision(precision: str, device: str, key: str = "run.precision") -> None:
    """Raise RatevalError when ``device`` does not compute in ``precision``, or only pretends to.

    ``key`` is what messages call the setting. A processor is asked for its instructions, and where
    it names none, one product is timed.

    >>> require_precision("float32", "cpu")
    """
    if precision == "float32" or _computes(device, getattr(torch, precision)):
        return
    possible = " or ".join(possible_precisions(device))
    raise RatevalError(
        f'{key} = "{precision}": {describe_device(device)} {_excuse(precision, device)}; use '
        f"{possible}, or another device"
    )


def possible_precisions(device: str) -> list[str]:
    """Return the formats that ``device`` computes in at least as fast as in float32, it first."""
    return ["float32", *(name for name in HALVES if _computes(device, getattr(torch, name)))]


def _excuse(precision: str, device: str) -> str:
    if (precision, torch.device(device).type) != ("bfloat16", "cpu"):
        return "does not compute in that, or only more slowly than in float32"
    return (
        f"({HERE.name}) has no instructions for it (avx512_bf16, amx_bf16; bf16 of Arm) and takes "
        f"{HERE.slowdown():.1f} times as long in it as in float32"
    )


def _computes(device: str, dtype: torch.dtype) -> bool:
    kind = torch.device(device).type
    if kind == "cuda":
        with torch.cuda.device(device):
            # Cards that lack it emulate it, more slowly than they compute in float32.
            return dtype != torch.bfloat16 or torch.cuda.is_bf16_supported(False)
    if kind == "cpu":
        # Processors take 5 to 30 times as long in float16 as in float32.
        return dtype == torch.bfloat16 and (HERE.has_bfloat16 or HERE.slowdown() < _GAIN)
    one = torch.ones(1, 1, device=device)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that autocast is switched off shows in the result
        with torch.autocast(kind, dtype=dtype):
            return (one @ one).dtype == dtype


@contextmanager
def in_precision(model: Model, precision: str, device: str) -> Iterator[None]:
    """Let ``encode_image`` and ``features`` of ``model`` compute in ``precision`` in the context.

    They run under autocast and return float32, so that logits, probabilities and relevance are
    computed in float32 as ever; recorded attention is float32 by its own promise. Nothing changes
    for ``"float32"``. Afterwards the weights are what they were, to the bit. Within, both methods
    raise RatevalError when what they return is not finite.

    >>> from rateval.testing import tiny_model
    >>> model, image = tiny_model(), torch.ones(1, 3, 24, 32)
    >>> exact = model.encode_image(image)
    >>> with in_precision(model, "bfloat16", "cpu"):
    ...     rounded = model.encode_image(image)
    >>> rounded.dtype, bool((rounded - exact).abs().max() > 1e-4)
    (torch.float32, True)
    >>> torch.equal(model.encode_image(image), exact)
    True
    """
    if precision == "float32":
        yield
        return
    if not hasattr(model, "encode_image"):
        raise RatevalError(
            f'run.precision = "{precision}": a model that answers by texts computes in float32 '
            "alone; leave it out"
        )
    with ExitStack() as stack:
        exact = stack.enter_context(_cast_weights(model.image_tower, getattr(torch, precision)))

        def find_broken() -> str | None:
            named = model.module.named_parameters()
            return describe_broken((name, exact.get(weight, weight)) for name, weight in named)

        for name in ("encode_image", "features"):
            lowered = _under_autocast(getattr(model, name), precision, device, find_broken)
            stack.enter_context(_replaced(model, name, lowered))
        yield


def _under_autocast(
    encode: _Encode, precision: str, device: str, find_broken: Callable[[], str | None]
) -> _Encode:
    kind, dtype = torch.device(device).type, getattr(torch, precision)

    def lowered(images: torch.Tensor) -> torch.Tensor:
        with torch.autocast(kind, dtype=dtype):
            encoded = encode(images).float()
        if not torch.isfinite(encoded).all():
            broken = find_broken()
            why = (
                f"its weights are not finite: {broken}; give another checkpoint, or lower the rate "
                "of the fine-tuning"
                if broken
                else 'its weights are finite and its numbers outgrow this format; use "float32"'
            )
            raise RatevalError(
                f'run.precision = "{precision}": the image tower returned numbers that are not '
                f"finite: {why}"
            )
        return encoded

    return lowered


@contextmanager
def _replaced(model: Model, name: str, method: _Encode) -> Iterator[None]:
    # An attribute of the instance goes before the method of the class.
    before = vars(model).get(name)
    setattr(model, name, method)
    try:
        yield
    finally:
        delattr(model, name)
        if before is not None:
            setattr(model, name, before)


@contextmanager
def _cast_weights(
    tower: torch.nn.Module, dtype: torch.dtype
) -> Iterator[Mapping[torch.nn.Parameter, torch.Tensor]]:
    """Cast once what autocast would cast for each batch; yield the exact numbers of each weight.

    Where the weights of ``nn.MultiheadAttention`` have another dtype than its input, it also leaves
    its fast path, which costs a CPU 190 ms a layer in bfloat16, for few images as for many.
    """
    parts = [module for module in tower.modules() if isinstance(module, _CAST)]
    weights = {weight: weight.data for m in parts for weight in m.parameters(recurse=False)}
    try:
        for weight, exact in weights.items():
            weight.data = exact.to(dtype)
        yield weights
    finally:
        for weight, exact in weights.items():
            weight.data = exact
