"""Attention is recorded from unmodified modules, in the graph, and nothing stays patched."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

from rateval.api import RatevalError
from rateval.modelkit import attend_multihead
from rateval_clip.model import Clip
from rateval_clip.tower import read_tower

Build = Callable[..., Clip]


def _patched(model: Clip) -> list[str]:
    return [name for name, part in model.module.named_modules() if "forward" in vars(part)]


@pytest.mark.parametrize("batch_first", [True, False])
def test_the_output_is_the_one_without_recording(
    build: Build, images: torch.Tensor, batch_first: bool
) -> None:
    model = build()
    tower: Any = model.image_tower
    tower.transformer.batch_first = batch_first
    for block in tower.transformer.resblocks:
        block.attn.batch_first = batch_first
    vars(model)["_tower"] = read_tower(tower, "tiny")
    plain = model.encode_image(images)
    with model.record_attention(range(3)) as recorded:
        output = model.encode_image(images)
    torch.testing.assert_close(output, plain, atol=1e-5, rtol=0)
    assert sorted(recorded) == [0, 1, 2]
    for probabilities in recorded.values():
        assert probabilities.shape == (5, 2, 17, 17)
        assert probabilities.dtype == torch.float32
        torch.testing.assert_close(probabilities.sum(-1), torch.ones(5, 2, 17))


@pytest.mark.parametrize("batch_first", [True, False])
def test_a_module_is_computed_as_torch_does(batch_first: bool) -> None:
    torch.manual_seed(0)
    layer = nn.MultiheadAttention(24, 3, batch_first=batch_first).double()
    nn.init.normal_(layer.in_proj_bias)
    tokens = torch.randn(4, 4, 24, dtype=torch.float64)
    mask = torch.full((4, 4), float("-inf"), dtype=torch.float64).triu(1)
    for given in (None, mask):
        (output, _), probabilities = attend_multihead(layer)(
            tokens, tokens, tokens, attn_mask=given
        )
        expected, weights = layer(
            tokens, tokens, tokens, attn_mask=given, average_attn_weights=False
        )
        torch.testing.assert_close(output, expected)
        torch.testing.assert_close(probabilities, weights)


def test_the_output_is_computed_from_what_is_recorded(build: Build, images: torch.Tensor) -> None:
    model = build()
    with model.record_attention([1]) as recorded:
        output = model.encode_image(images)
    (gradient,) = torch.autograd.grad(output.pow(2).sum(), recorded[1])
    # A small step along the gradient, put in place of the layer's softmax, moves the output by it.
    step = 1e-2 * gradient / gradient.norm()
    block: Any = model.image_tower.transformer.resblocks[1]  # type: ignore[union-attr, index]

    def moved(query: torch.Tensor, *_: Any, **__: Any) -> tuple[torch.Tensor, None]:
        width = query.shape[-1]
        value = nn.functional.linear(
            query, block.attn.in_proj_weight[2 * width :], block.attn.in_proj_bias[2 * width :]
        )
        heads = value.view(*value.shape[:2], 2, width // 2).transpose(1, 2)
        mixed = (recorded[1] + step) @ heads
        return block.attn.out_proj(mixed.transpose(1, 2).flatten(2)), None

    block.attn.forward = moved
    change = model.encode_image(images).pow(2).sum() - output.pow(2).sum()
    assert float(change.detach()) == pytest.approx(float((gradient * step).sum()), rel=0.02)


def test_frozen_weights_make_the_first_recorded_layer_the_start_of_the_graph(
    build: Build, images: torch.Tensor
) -> None:
    model = build()
    model.module.requires_grad_(False)
    kept: list[torch.Tensor] = []

    def saved_tensors(layers: list[int]) -> int:
        kept.clear()
        hooks = torch.autograd.graph.saved_tensors_hooks(kept.append, lambda x: x)
        with hooks, model.record_attention(layers) as recorded:
            output = model.encode_image(images)
        assert recorded[layers[0]].is_leaf
        assert output.requires_grad
        return len(kept)

    assert 0 < saved_tensors([2]) < saved_tensors([1, 2]) < saved_tensors([0, 1, 2])


def test_trainable_weights_stay_in_the_graph(build: Build, images: torch.Tensor) -> None:
    model = build()
    with model.record_attention([2]) as recorded:
        model.encode_image(images)
    assert not recorded[2].is_leaf
    tower: Any = model.image_tower
    (gradient,) = torch.autograd.grad(recorded[2][..., 0].sum(), tower.conv1.weight)
    assert gradient.abs().max() > 0


def test_half_precision_records_float32(build: Build, images: torch.Tensor) -> None:
    model = build(dtype="bfloat16")
    with model.record_attention([0]) as recorded:
        output = model.encode_image(images)
    assert recorded[0].dtype == torch.float32
    assert output.dtype == torch.bfloat16


def test_nothing_stays_patched(build: Build, images: torch.Tensor) -> None:
    model = build()
    with model.record_attention([0, 2]):
        block = "visual.transformer.resblocks"
        last = [f"{block}.2.attn", f"{block}.2.attn.out_proj", f"{block}.2.mlp"]
        assert _patched(model) == [f"{block}.0.attn", *last]
    assert _patched(model) == []
    with pytest.raises(KeyError), model.record_attention([0, 2]):
        model.encode_image(images)
        raise KeyError
    assert _patched(model) == []
    with pytest.raises(RuntimeError), model.record_attention([1]):
        model.encode_image(images[:, :, :7, :7])
    assert _patched(model) == []


def test_recordings_nest(build: Build, images: torch.Tensor) -> None:
    model = build()
    with model.record_attention([0, 1]) as outer:
        with model.record_attention([1]) as inner:
            model.encode_image(images)
        assert (list(outer), list(inner)) == ([0], [1])
        model.encode_image(images)
        assert list(outer) == [0, 1]
    assert _patched(model) == []


def test_the_modules_are_open_clips_own(build: Build) -> None:
    kinds = {type(part).__module__.split(".")[0] for part in build().module.modules()}
    assert kinds == {"open_clip", "torch"}


@pytest.mark.parametrize("layers", [[3], [-1], [0, 9]])
def test_a_layer_that_is_not_there(build: Build, layers: list[int]) -> None:
    with pytest.raises(RatevalError, match=r"no vision layer .*there are 3"):
        build().record_attention(layers)
