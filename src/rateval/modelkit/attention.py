"""The attention of a module that nobody described: found by a forward pass, in plain steps."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from rateval.errors import PluginError
from rateval.modelkit.recording import Attend, attend_fused, attend_plainly


def attend_multihead(layer: nn.MultiheadAttention) -> Attend:
    """Make the ``Attend`` of a module with one projection for its three inputs.

    The weights that the module itself returns are not what its output is computed from in the
    graph, and without gradients it may take a fused path, so its forward is replaced as a whole. It
    takes (B, N, D), or (N, B, D) for a module that isn't ``batch_first``. The ``Attend`` raises
    PluginError for what no image tower is evaluated with: dropout, padding, a causal mask, keys of
    another width.

    >>> layer = nn.MultiheadAttention(4, 2, batch_first=True)
    >>> x = torch.zeros(1, 3, 4)
    >>> (output, weights), probabilities = attend_multihead(layer)(x, x, x)
    >>> output.shape, weights.shape, probabilities.shape
    (torch.Size([1, 3, 4]), torch.Size([1, 3, 3]), torch.Size([1, 2, 3, 3]))
    """
    # Not a closure: a deep copy of the model must attend by the copy's weights.
    return partial(_attend_multihead, layer)


def _attend_multihead(
    layer: nn.MultiheadAttention,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    key_padding_mask: torch.Tensor | None = None,
    need_weights: bool = True,
    attn_mask: torch.Tensor | None = None,
    average_attn_weights: bool = True,
    is_causal: bool = False,
) -> tuple[tuple[torch.Tensor, torch.Tensor | None], torch.Tensor]:
    _refuse(layer, {"key_padding_mask": key_padding_mask is not None, "is_causal": is_causal})
    query, key, value = _project(layer, query, key, value)
    dropout = layer.dropout if layer.training else 0.0
    mixed, probabilities = attend_plainly(query, key, value, attn_mask, dropout_p=dropout)
    batch, _, length, _ = mixed.shape
    output = layer.out_proj(mixed.transpose(1, 2).reshape(batch, length, -1))
    output = output if layer.batch_first else output.transpose(0, 1)
    if not need_weights:
        return (output, None), probabilities
    weights = probabilities.mean(dim=1) if average_attn_weights else probabilities
    return (output, weights), probabilities


def _project(
    layer: nn.MultiheadAttention, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor
) -> tuple[torch.Tensor, ...]:
    """Return the heads of query, key and value, (B, heads, N, d) each."""
    given = (query, key, value)
    tokens = given if layer.batch_first else tuple(x.transpose(0, 1) for x in given)
    shape = (layer.num_heads, layer.head_dim)
    if query is key and key is value:
        projected = F.linear(tokens[0], layer.in_proj_weight, layer.in_proj_bias)
        heads = projected.view(*projected.shape[:2], 3, *shape)
        return heads.permute(2, 0, 3, 1, 4).unbind()
    bias = layer.in_proj_bias
    biases = (None,) * 3 if bias is None else bias.chunk(3)
    return tuple(
        F.linear(x, weight, one).view(*x.shape[:2], *shape).transpose(1, 2)
        for x, weight, one in zip(tokens, layer.in_proj_weight.chunk(3), biases, strict=True)
    )


def _refuse(layer: nn.MultiheadAttention, options: dict[str, bool]) -> None:
    options = options | {
        "kdim or vdim": layer.in_proj_weight is None,
        "add_bias_kv": layer.bias_k is not None,
        "add_zero_attn": layer.add_zero_attn,
    }
    given = [name for name, there in options.items() if there]
    if given:
        raise PluginError(f"nn.MultiheadAttention with {given[0]} cannot be recorded")


@contextmanager
def without_fast_path() -> Iterator[None]:
    """Let ``nn.TransformerEncoderLayer`` and ``nn.MultiheadAttention`` call what they are made of.

    Where no gradient is needed they take a path of their own, on which nothing can be recorded.
    """
    before = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(before)


def find_attention(
    module: nn.Module, run: Callable[[], object]
) -> tuple[tuple[nn.Module, Attend], ...]:
    """Return each attention that ``run`` goes through in ``module``, in order, in plain steps.

    ``run`` makes a forward pass. An attention is an ``nn.MultiheadAttention``, or whatever module
    calls ``scaled_dot_product_attention``, as those of timm do and those of transformers under
    ``attn_implementation="sdpa"``. A module that attends several times is there as often, and can't
    be recorded. Nothing of ``module`` is changed afterwards.

    >>> block = nn.TransformerEncoderLayer(8, 2, 8, batch_first=True).eval()
    >>> [(found, attend)] = find_attention(block, lambda: block(torch.zeros(1, 3, 8)))
    >>> found is block.self_attn
    True
    """
    inside: list[nn.Module] = []
    found: list[tuple[nn.Module, Attend]] = []

    def enter(part: nn.Module, _: Any) -> None:
        inside.append(part)
        if _is_multihead(part):
            found.append((part, attend_multihead(part)))  # type: ignore[arg-type]  # it is one

    def leave(part: nn.Module, _: Any, __: Any) -> None:
        inside.pop()

    def attended() -> None:
        if inside and not _is_multihead(inside[-1]):
            found.append((inside[-1], attend_fused(inside[-1])))

    with ExitStack() as stack:
        for part in module.modules():
            for handle in (
                part.register_forward_pre_hook(enter, prepend=True),
                part.register_forward_hook(leave, always_call=True),
            ):
                stack.callback(handle.remove)
        stack.enter_context(without_fast_path())
        stack.enter_context(_Watching(attended))
        run()
    return tuple(found)


def _is_multihead(part: nn.Module) -> bool:
    own = type(part).forward is nn.MultiheadAttention.forward
    return isinstance(part, nn.MultiheadAttention) and own


class _Watching(TorchFunctionMode):
    """A context in which calls of ``scaled_dot_product_attention`` are told."""

    def __init__(self, tell: Callable[[], None]) -> None:
        super().__init__()
        self._tell = tell

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is F.scaled_dot_product_attention:
            self._tell()
        return func(*args, **(kwargs or {}))
