"""Attention is found by a forward pass, and computed as torch computes it."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from rateval.api import PluginError
from rateval.modelkit import (
    attend_multihead,
    find_attention,
    record_probabilities,
    without_fast_path,
)


class Fused(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        heads = x[:, None]
        return F.scaled_dot_product_attention(heads, heads, heads)[:, 0]


class Mixed(nn.Module):
    """Attention of both kinds, in another order than they are declared in."""

    def __init__(self) -> None:
        super().__init__()
        self.second, self.unused = Fused(), Fused()
        self.first = nn.MultiheadAttention(8, 2, batch_first=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        output: torch.Tensor = self.second(self.first(x, x, x, need_weights=False)[0])
        return output


@pytest.fixture
def x() -> torch.Tensor:
    return torch.randn(2, 5, 8, generator=torch.Generator().manual_seed(0))


def test_it_is_found_in_the_order_of_the_pass(x: torch.Tensor) -> None:
    module = Mixed().eval()
    with torch.no_grad():
        found = find_attention(module, lambda: module(x))
    assert [part for part, _ in found] == [module.first, module.second]
    with record_probabilities(dict(enumerate(found))) as recorded:
        output = module(x)
    torch.testing.assert_close(output, module(x))
    assert [one.shape[1:] for one in recorded.values()] == [(2, 5, 5), (1, 5, 5)]
    assert not any(part._forward_hooks or part._forward_pre_hooks for part in module.modules())


def test_a_failing_pass_leaves_no_hook(x: torch.Tensor) -> None:
    module = Mixed()
    with pytest.raises(AssertionError):
        find_attention(module, lambda: module(x[..., :3]))
    assert not any(part._forward_hooks or part._forward_pre_hooks for part in module.modules())
    assert torch.backends.mha.get_fastpath_enabled()


def test_the_fast_path_is_left_and_found_again(x: torch.Tensor) -> None:
    layer = nn.TransformerEncoderLayer(8, 2, 8, batch_first=True).eval().requires_grad_(False)
    attention = layer.self_attn
    found = {0: (attention, attend_multihead(attention))}
    with record_probabilities(found) as recorded:
        layer(x)
    assert not recorded  # this is what the context is for
    with without_fast_path(), record_probabilities(found) as recorded:
        output = layer(x)
    assert list(recorded) == [0]
    torch.testing.assert_close(output, layer(x), atol=1e-5, rtol=1e-4)
    assert torch.backends.mha.get_fastpath_enabled()


@pytest.mark.parametrize("batch_first", [True, False])
@pytest.mark.parametrize("bias", [True, False])
def test_other_keys_are_attended_as_torch_does(batch_first: bool, bias: bool) -> None:
    torch.manual_seed(0)
    layer = nn.MultiheadAttention(12, 3, bias=bias, batch_first=batch_first).double()
    query, key, value = torch.randn(3, 4, 4, 12, dtype=torch.float64)
    (output, mean), probabilities = attend_multihead(layer)(query, key, value)
    expected, weights = layer(query, key, value)
    torch.testing.assert_close(output, expected)
    torch.testing.assert_close(mean, weights)
    torch.testing.assert_close(probabilities.mean(dim=1), weights)
    assert attend_multihead(layer)(query, key, value, need_weights=False)[0][1] is None


@pytest.mark.parametrize(
    ("options", "given", "named"),
    [
        ({"kdim": 6}, {}, "kdim or vdim"),
        ({"add_bias_kv": True}, {}, "add_bias_kv"),
        ({"add_zero_attn": True}, {}, "add_zero_attn"),
        ({}, {"is_causal": True}, "is_causal"),
        ({}, {"key_padding_mask": torch.zeros(2, 5, dtype=torch.bool)}, "key_padding_mask"),
        ({"dropout": 0.5}, {}, "dropout_p=0.5"),
    ],
)
def test_what_is_refused(
    x: torch.Tensor, options: dict[str, Any], given: dict[str, Any], named: str
) -> None:
    layer = nn.MultiheadAttention(8, 2, batch_first=True, **options)
    with pytest.raises(PluginError, match=f"with {named} cannot be recorded"):
        attend_multihead(layer)(x, x, x, **given)
