"""Models in a floating-point format of half the size, and all around them in float32."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import torch

from rateval.api.tasks.texts import Answer, TokenScores
from rateval.errors import RatevalError
from rateval.machine.device import describe_device
from rateval.machine.finite import describe_broken
from rateval.machine.processor import read_processor

HALVES = ("bfloat16", "float16")

_Method = Callable[..., Any]

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
def in_precision(model: Any, precision: str, device: str) -> Iterator[None]:
    """Let ``encode_image`` and ``features`` of ``model`` compute in ``precision`` in the context.

    They run under autocast and return float32, so that logits, probabilities and relevance are
    computed in float32 as ever; recorded attention is float32 by its own promise. Of a model that
    answers by texts these are ``generate``, ``score`` and ``rank``, and what scores words stays
    exact. Nothing changes for ``"float32"``. Afterwards the weights are what they were, to the bit.
    Within, these methods raise RatevalError when what they return is not finite.

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
    texts = not hasattr(model, "encode_image")
    with ExitStack() as stack:
        if texts:
            heads = _heads_of(model.module)
            for head in heads:
                stack.enter_context(_kept_exact(head, device))
            part, methods = model.module, _OF_TEXTS
        else:
            heads, part, methods = [], model.image_tower, _OF_IMAGES
        exact = stack.enter_context(_cast_weights(part, getattr(torch, precision), heads))

        def find_broken() -> str | None:
            named = model.module.named_parameters()
            return describe_broken((name, exact.get(weight, weight)) for name, weight in named)

        for name, numbers in methods.items():
            method = getattr(model, name)
            lowered = _under_autocast(method, numbers, precision, device, find_broken)
            stack.enter_context(_replaced(model, name, lowered))
        yield


def _plain(encoded: torch.Tensor) -> torch.Tensor:
    return encoded


def _likelihoods(answers: Sequence[Answer]) -> torch.Tensor:
    return torch.tensor([one.likelihood for one in answers])


def _log_probabilities(scores: TokenScores) -> torch.Tensor:
    return scores.log_probabilities


_Numbers = Callable[[Any], torch.Tensor]
_OF_IMAGES: Mapping[str, _Numbers] = {"encode_image": _plain, "features": _plain}
_OF_TEXTS: Mapping[str, _Numbers] = {
    "generate": _likelihoods,
    "score": _log_probabilities,
    "rank": _plain,
}
"""Methods that run in half precision, to the numbers of what they return."""


def _under_autocast(
    method: _Method,
    numbers: _Numbers,
    precision: str,
    device: str,
    find_broken: Callable[[], str | None],
) -> _Method:
    kind, dtype = torch.device(device).type, getattr(torch, precision)

    def lowered(*given: Any) -> Any:
        with torch.autocast(kind, dtype=dtype):
            found = method(*given)
        if isinstance(found, torch.Tensor):
            found = found.float()
        if not torch.isfinite(numbers(found)).all():
            broken = find_broken()
            why = (
                f"its weights are not finite: {broken}; give another checkpoint, or lower the rate "
                "of the fine-tuning"
                if broken
                else 'its weights are finite and its numbers outgrow this format; use "float32"'
            )
            raise RatevalError(
                f'run.precision = "{precision}": the {_name_part(numbers)} returned numbers that '
                f"are not finite: {why}"
            )
        return found

    return lowered


def _name_part(numbers: _Numbers) -> str:
    return "image tower" if numbers in _OF_IMAGES.values() else "model"


def _heads_of(module: torch.nn.Module) -> list[torch.nn.Module]:
    """Return what scores words, by the name that upstream models of texts have for it."""
    found = (getattr(part, "get_output_embeddings", None) for part in module.modules())
    heads = (get() for get in found if callable(get))
    return list(dict.fromkeys(head for head in heads if isinstance(head, torch.nn.Module)))


@contextmanager
def _kept_exact(head: torch.nn.Module, device: str) -> Iterator[None]:
    """Let a head compute in float32: rounded to 8 bits, likely words would be equally likely."""
    kind, forward = torch.device(device).type, head.forward

    def exact(states: torch.Tensor) -> torch.Tensor:
        with torch.autocast(kind, enabled=False):
            scores: torch.Tensor = forward(states.float())
        return scores

    with _replaced(head, "forward", exact):
        yield


@contextmanager
def _replaced(model: object, name: str, method: _Method) -> Iterator[None]:
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
    tower: torch.nn.Module, dtype: torch.dtype, kept: Sequence[torch.nn.Module] = ()
) -> Iterator[Mapping[torch.nn.Parameter, torch.Tensor]]:
    """Cast once what autocast would cast for each batch; yield the exact numbers of each weight.

    Where the weights of ``nn.MultiheadAttention`` have another dtype than its input, it also leaves
    its fast path, which costs a CPU 190 ms a layer in bfloat16, for few images as for many.
    """
    parts = [module for module in tower.modules() if isinstance(module, _CAST)]
    exact_ones = {weight for module in kept for weight in module.parameters()}
    weights = {
        weight: weight.data
        for module in parts
        for weight in module.parameters(recurse=False)
        if weight not in exact_ones
    }
    try:
        for weight, exact in weights.items():
            weight.data = exact.to(dtype)
        yield weights
    finally:
        for weight, exact in weights.items():
            weight.data = exact
