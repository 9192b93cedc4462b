"""Forwards are replaced for a while and come back, whatever happens inside."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from rateval.api import PluginError
from rateval.modelkit import attend_fused, attend_plainly, record_probabilities, softmax_in_graph


class Attention(nn.Module):
    def forward(self, x: torch.Tensor, mask: torch.Tensor | None = None) -> torch.Tensor:
        return F.scaled_dot_product_attention(x, x * 2, x + 1, attn_mask=mask)


class Twice(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = F.scaled_dot_product_attention(x, x, x)
        return F.scaled_dot_product_attention(x, x, x)


class Never(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return (x @ x.mT).softmax(-1) @ x


@pytest.fixture
def x() -> torch.Tensor:
    return torch.randn(2, 3, 5, 4, generator=torch.Generator().manual_seed(0))


def _layers(*modules: nn.Module) -> dict[int, Any]:
    return {index: (module, attend_fused(module)) for index, module in enumerate(modules)}


def test_the_output_is_that_of_the_module(x: torch.Tensor) -> None:
    module = Attention()
    with record_probabilities(_layers(module)) as recorded:
        output = module(x)
    torch.testing.assert_close(output, module(x))
    expected = (x.double() @ (x.double() * 2).mT / 2).softmax(-1)
    torch.testing.assert_close(recorded[0].double(), expected, atol=1e-6, rtol=0)
    assert recorded[0].dtype == torch.float32
    torch.testing.assert_close(recorded[0] @ (x + 1), output)


def test_contexts_nest(x: torch.Tensor) -> None:
    one, two = Attention(), Attention()
    with record_probabilities(_layers(one, two)) as outer:
        with record_probabilities({7: (two, attend_fused(two))}) as inner:
            two(one(x))
        assert (list(outer), list(inner)) == ([0], [7])
        two(one(x))
        assert list(outer) == [0, 1]
    assert "forward" not in vars(one) | vars(two)
    two(one(x))
    assert list(inner) == [7]


def test_an_exception_restores_every_module(x: torch.Tensor) -> None:
    one, two = Attention(), Attention()
    with pytest.raises(KeyError), record_probabilities(_layers(one, two)):
        one(x)
        raise KeyError
    assert "forward" not in vars(one) | vars(two)
    with pytest.raises(RuntimeError), record_probabilities(_layers(one, two)):
        one(x, x[..., :1, :3])
    assert "forward" not in vars(one) | vars(two)
    assert torch.equal(one(x), Attention()(x))


def test_what_the_instance_had_before_comes_back(x: torch.Tensor) -> None:
    module = Attention()
    own: Callable[..., torch.Tensor] = lambda x: x + 5  # noqa: E731  # an attribute, not a method
    module.forward = own  # type: ignore[method-assign]  # what a user's own patch would do
    with record_probabilities(_layers(module)) as recorded:
        module(x)
    assert list(recorded) == [0]
    assert vars(module)["forward"] is own
    assert torch.equal(module(x), x + 5)


def test_the_function_itself_stays(x: torch.Tensor) -> None:
    before = F.scaled_dot_product_attention
    module = Attention()
    with record_probabilities(_layers(module)) as recorded:
        assert F.scaled_dot_product_attention is before
        F.scaled_dot_product_attention(x, x, x)
        assert not recorded
        module(x)


@pytest.mark.parametrize(("module", "calls"), [(Twice(), 2), (Never(), 0)])
def test_a_module_that_calls_it_otherwise_is_named(
    x: torch.Tensor, module: nn.Module, calls: int
) -> None:
    message = rf"{type(module).__name__} cannot be recorded: .*attention {calls} times, not once"
    with pytest.raises(PluginError, match=message), record_probabilities(_layers(module)):
        module(x)
    assert "forward" not in vars(module)


@pytest.mark.parametrize("kind", ["none", "added", "bool", "scale"])
def test_plain_steps_are_torchs(x: torch.Tensor, kind: str) -> None:
    mask = torch.tril(torch.ones(5, 5, dtype=torch.bool))
    every: dict[str, dict[str, Any]] = {
        "none": {},
        "added": {"attn_mask": torch.randn(5, 5)},
        "bool": {"attn_mask": mask},
        "scale": {"scale": 0.3},
    }
    options = every[kind]
    output, probabilities = attend_plainly(x, x + 1, x - 1, **options)
    expected = F.scaled_dot_product_attention(x, x + 1, x - 1, **options)
    torch.testing.assert_close(output, expected)
    torch.testing.assert_close(probabilities.sum(-1), torch.ones(2, 3, 5))


@pytest.mark.parametrize("option", [{"dropout_p": 0.5}, {"is_causal": True}, {"enable_gqa": True}])
def test_what_plain_steps_refuse(x: torch.Tensor, option: dict[str, Any]) -> None:
    with pytest.raises(PluginError, match=f"attention with {next(iter(option))}="):
        attend_plainly(x, x, x, **option)


def test_probabilities_start_the_graph_only_where_there_is_none(x: torch.Tensor) -> None:
    assert softmax_in_graph(x).is_leaf
    assert not softmax_in_graph(x.clone().requires_grad_()).is_leaf


@pytest.mark.parametrize(
    ("given", "kept"),
    [(torch.bfloat16, torch.float32), (torch.float16, torch.float32), (torch.float64,) * 2],
)
def test_half_precision_is_raised_to_float32(
    x: torch.Tensor, given: torch.dtype, kept: torch.dtype
) -> None:
    x = x.to(given)
    output, probabilities = attend_plainly(x, x, x)
    assert (output.dtype, probabilities.dtype) == (given, kept)
