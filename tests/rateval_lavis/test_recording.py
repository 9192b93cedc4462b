"""Attention is recorded from LAVIS' modules, in the graph, and nothing stays patched."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch

from rateval.api import RatevalError
from rateval_lavis.model import LavisModel
from rateval_lavis.recording import attend
from rateval_lavis.upstream import Attention

Make = Callable[..., LavisModel]


def _patched(model: LavisModel) -> list[str]:
    return [name for name, part in model.module.named_modules() if "forward" in vars(part)]


def test_the_output_is_the_one_without_recording(make: Make, images: torch.Tensor) -> None:
    model = make()
    plain = model.encode_image(images)
    with model.record_attention(range(4)) as recorded:
        output = model.encode_image(images)
    torch.testing.assert_close(output, plain, atol=1e-5, rtol=0)
    assert sorted(recorded) == [0, 1, 2, 3]
    for probabilities in recorded.values():
        assert (probabilities.shape, probabilities.dtype) == ((8, 4, 17, 17), torch.float32)
        torch.testing.assert_close(probabilities.sum(-1), torch.ones(8, 4, 17))


def test_it_records_what_lavis_records(make: Make, images: torch.Tensor) -> None:
    model = make()
    tower: Any = model.image_tower
    tower.forward_features(images, register_blk=2)
    with model.record_attention([2]) as recorded:
        model.encode_image(images)
    kept = tower.blocks[2].attn.get_attention_map()
    torch.testing.assert_close(recorded[2], kept, atol=1e-6, rtol=0)


@pytest.mark.parametrize("bias", [True, False])
def test_a_module_is_computed_as_lavis_does(bias: bool) -> None:
    torch.manual_seed(0)
    layer = Attention(24, num_heads=3, qkv_bias=bias, qk_scale=0.3).double()
    tokens = torch.randn(4, 5, 24, dtype=torch.float64)
    output, probabilities = attend(layer, tokens)
    torch.testing.assert_close(output, layer(tokens, register_hook=True))
    torch.testing.assert_close(probabilities, layer.get_attention_map())


def test_the_gradient_is_the_one_that_lavis_saves(make: Make, images: torch.Tensor) -> None:
    model = make()
    tower: Any = model.image_tower
    tower.forward_features(images, register_blk=3)[:, 0].square().sum().backward()
    with model.record_attention([3]) as recorded:
        output = model.features(images)
    (gradient,) = torch.autograd.grad(output.square().sum(), recorded[3])
    saved = tower.blocks[3].attn.get_attn_gradients()
    assert float(gradient.abs().max()) > 0
    torch.testing.assert_close(gradient, saved, atol=1e-7, rtol=1e-4)


def test_frozen_weights_make_the_first_recorded_layer_the_start_of_the_graph(
    make: Make, images: torch.Tensor
) -> None:
    model = make()
    model.module.requires_grad_(False)
    with model.record_attention([1, 3]) as recorded:
        output = model.encode_image(images)
    assert recorded[1].is_leaf
    assert not recorded[3].is_leaf
    gradients = torch.autograd.grad(output.square().sum(), list(recorded.values()))
    assert all(bool(gradient.any()) for gradient in gradients)


def test_half_precision_records_float32(make: Make, images: torch.Tensor) -> None:
    model = make(dtype="bfloat16")
    with model.record_attention([0]) as recorded:
        output = model.encode_image(images)
    assert (recorded[0].dtype, output.dtype) == (torch.float32, torch.bfloat16)


def test_nothing_stays_patched(make: Make, images: torch.Tensor) -> None:
    model = make()
    with model.record_attention([0, 2]):
        assert len(_patched(model)) == 2
    assert _patched(model) == []
    with pytest.raises(ZeroDivisionError), model.record_attention([0]) as recorded:
        model.encode_image(images)
        raise ZeroDivisionError
    assert _patched(model) == []
    before = recorded[0]
    model.encode_image(images)
    assert recorded[0] is before


def test_a_copy_records_its_own(make: Make, images: torch.Tensor) -> None:
    model = make()
    other = copy.deepcopy(model)
    with torch.no_grad():
        for weight in other.module.parameters():
            weight.mul_(1.5)
    with model.record_attention([0]) as ours, other.record_attention([0]) as theirs:
        other.encode_image(images)
    assert not ours
    assert sorted(theirs) == [0]


def test_a_layer_that_is_not_there(make: Make) -> None:
    with pytest.raises(RatevalError, match="no vision layer 4; there are 4, from 0 on"):
        make().record_attention([0, 4])
