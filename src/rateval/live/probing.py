"""What a forward pass of one image shows of a vision transformer that nobody described."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from rateval.api.values import Readout
from rateval.errors import RatevalError
from rateval.modelkit.attention import find_attention, without_fast_path
from rateval.modelkit.recording import Attend, record_probabilities

Forward = Callable[[torch.Tensor], torch.Tensor]
"""(B, 3, H, W) to (B, F): features, or logits."""
Record = Callable[[torch.Tensor], tuple[Any, Sequence[torch.Tensor]]]
"""(B, 3, H, W) to what the module returns, and each block's attention (B, heads, N, N)."""
MAYBE = (
    "give record=, a function of images (B, 3, H, W) that returns the module's output and each "
    "block's attention (B, heads, N, N)"
)
_FAR = 16
"""Tokens before the patches at most."""


@dataclass(frozen=True, slots=True)
class Probed:
    """How a vision transformer works."""

    layers: tuple[tuple[nn.Module, Attend], ...]
    """Each attention with its plain steps; empty where the user records."""
    depth: int
    grid: tuple[int, int]
    prefix_tokens: int
    readout: Readout


def probe(
    name: str,
    module: nn.Module,
    forward: Forward,
    image: torch.Tensor,
    record: Record | None,
    grid: tuple[int, int] | None,
) -> Probed:
    """Find the attention of ``module`` and how it reads an image from its tokens.

    ``image`` is noise, (1, 3, H, W). Raises RatevalError where an attention can't be recorded, is
    not over all patches, or has no part in what is returned.
    """
    layers, patches = ((), _no_patches) if record else _find_layers(module, forward, image)
    output, maps = _record(name, layers, forward, record, image)
    counts = [tuple(one.shape[-2:]) for one in maps]
    tokens = counts[-1][-1]
    pool = counts[-1][0] == 1 and tokens > 1
    if any(count != (tokens, tokens) for count in (counts[:-1] if pool else counts)):
        raise _refusal(name, f"its blocks attend over different tokens ({_list(counts)})")
    grid = grid or patches(tokens) or _guess_grid(tokens, image.shape[-2:])
    prefix = -1 if grid is None else tokens - math.prod(grid)
    if grid is None or not 0 <= prefix <= _FAR:
        raise RatevalError(
            f"{name}: its blocks attend over {tokens} tokens, and how many rows and columns of "
            "patches they are can't be told; give grid=(rows, columns)"
        )
    readout = _find_readout(name, output, maps[-1], prefix, pool=pool)
    return Probed(layers, len(maps), grid, prefix, readout)


def _no_patches(tokens: int) -> tuple[int, int] | None:
    return None


def _find_layers(
    module: nn.Module, forward: Forward, image: torch.Tensor
) -> tuple[tuple[tuple[nn.Module, Attend], ...], Callable[[int], tuple[int, int] | None]]:
    """Return the attention of a module, and what tells a number of tokens as rows and columns."""
    grids: list[tuple[int, int]] = []

    def note(part: nn.Module, given: Any, made: Any) -> None:
        if isinstance(made, torch.Tensor) and made.ndim == 4:
            grids.append((int(made.shape[-2]), int(made.shape[-1])))

    with ExitStack() as stack, torch.no_grad():
        for part in module.modules():
            if isinstance(part, nn.Conv2d):
                stack.callback(part.register_forward_hook(note).remove)
        layers = find_attention(module, lambda: forward(image))

    def patches(tokens: int) -> tuple[int, int] | None:
        fitting = [grid for grid in grids if 0 <= tokens - math.prod(grid) <= _FAR]
        return max(fitting, key=math.prod, default=None)

    return layers, patches


def _record(
    name: str,
    layers: Sequence[tuple[nn.Module, Attend]],
    forward: Forward,
    record: Record | None,
    image: torch.Tensor,
) -> tuple[torch.Tensor, list[torch.Tensor]]:
    with torch.no_grad():
        plain = forward(image)
    if record is not None:
        output, maps = record_by(name, record, image)
    elif not layers:
        raise _refusal(
            name,
            "a forward pass meets no nn.MultiheadAttention and calls no "
            "scaled_dot_product_attention (switch fused attention on: TIMM_FUSED_ATTN=1, or "
            'attn_implementation="sdpa" of transformers)',
        )
    else:
        by_index: Mapping[int, tuple[nn.Module, Attend]] = dict(enumerate(layers))
        if len({id(part) for part, _ in layers}) < len(layers):
            raise _refusal(name, "one of its modules attends several times in a forward pass")
        with torch.enable_grad(), without_fast_path(), record_probabilities(by_index) as recorded:
            output = forward(image)
        maps = [recorded[index] for index in sorted(recorded)]
    if output.shape != plain.shape or not torch.allclose(output, plain, atol=1e-3, rtol=1e-3):
        raise _refusal(name, "recorded, it returns other numbers than otherwise")
    return output, maps


def record_by(
    name: str, record: Record, images: torch.Tensor
) -> tuple[torch.Tensor, list[torch.Tensor]]:
    """Return output and maps of a user's ``record``, in one graph whatever requires a gradient.

    Raises RatevalError when it returns something else.
    """
    with torch.enable_grad():
        images = images if images.requires_grad else images.detach().requires_grad_()
        made: Any = record(images)
    asked = f"{name}: record must return a pair, output and a list of maps (B, heads, N, N)"
    if not isinstance(made, tuple) or len(made) != 2 or not made[1]:
        raise RatevalError(f"{asked}; got {type(made).__name__}")
    maps = list(made[1])
    odd = [
        one
        for one in maps
        if not isinstance(one, torch.Tensor) or one.ndim != 4 or len(one) != len(images)
    ]
    if odd:
        what = tuple(odd[0].shape) if isinstance(odd[0], torch.Tensor) else type(odd[0]).__name__
        raise RatevalError(f"{asked}; got a map that is {what} of {len(images)} images")
    if not all(one.requires_grad for one in maps):
        raise RatevalError(
            f"{name}: record returns maps that are not in the graph of the output; compute them "
            "without no_grad or detach, and the output from them"
        )
    return tensor_of(name, made[0]), maps


def tensor_of(name: str, output: Any) -> torch.Tensor:
    """Return what a module makes of images as (B, F): a tensor, or what holds one.

    Of transformers' outputs that is ``logits``, ``image_embeds`` or ``pooler_output``. Raises
    RatevalError for anything else.
    """
    for key in ("logits", "image_embeds", "pooler_output"):
        if not isinstance(output, torch.Tensor) and getattr(output, key, None) is not None:
            output = getattr(output, key)
    if isinstance(output, torch.Tensor) and output.ndim == 2:
        return output
    what = tuple(output.shape) if isinstance(output, torch.Tensor) else type(output).__name__
    raise RatevalError(
        f"{name}: of images it returns {what}; wrap a module whose forward returns features or "
        "logits, (B, F)"
    )


def _guess_grid(tokens: int, size: Sequence[int]) -> tuple[int, int] | None:
    """Return rows and columns of a square image's patches, behind a class token or none.

    >>> _guess_grid(50, (224, 224)), _guess_grid(64, (32, 32)), _guess_grid(50, (224, 112))
    ((7, 7), (8, 8), None)
    """
    for prefix in (1, 0):
        side = math.isqrt(tokens - prefix)
        if side * side == tokens - prefix > 0 and size[0] == size[1]:
            return side, side
    return None


def _find_readout(
    name: str, output: torch.Tensor, last: torch.Tensor, prefix: int, *, pool: bool
) -> Readout:
    """Return which rows of the last attention the output depends on, as its readout."""
    generator = torch.Generator().manual_seed(0)
    # A sum would be blind to what a normalisation keeps constant.
    direction = torch.randn(output.shape, generator=generator).to(output.device, output.dtype)
    (gradient,) = torch.autograd.grad((output * direction).sum(), [last], allow_unused=True)
    rows = [] if gradient is None else (gradient.abs().sum(dim=(0, 1, 3)) > 0).nonzero().flatten()
    read = [int(row) for row in rows]
    if not read:
        raise _refusal(name, "what it returns doesn't depend on its attention")
    if pool:
        return "attention pool"
    if read == [0] and prefix:
        return "class token"
    if read == list(range(prefix, last.shape[-2])):
        return "mean"
    raise _refusal(
        name,
        f"it reads an image from {len(read)} of {last.shape[-2]} tokens, neither from the first "
        "one nor from the patches alone",
    )


def _list(counts: Sequence[tuple[int, ...]]) -> str:
    return ", ".join(f"{one} of {other}" for one, other in dict.fromkeys(counts))


def _refusal(name: str, reason: str) -> RatevalError:
    return RatevalError(f"{name}: its attention cannot be recorded: {reason}; {MAYBE}")
