"""Recording timm's attention changes no result and leaves nothing behind."""

from __future__ import annotations

import copy
from collections.abc import Callable

import pytest
import torch
from timm.layers.diff_attention import DiffAttention
from torch import nn

from rateval.api import PluginError, RatevalError
from rateval_vlp.model import ImageTextModel
from rateval_vlp.recording import attend, attention_layers

Build = Callable[..., ImageTextModel]


class _OnPurposeError(Exception):
    pass


def _logits(model: ImageTextModel, images: torch.Tensor, ids: torch.Tensor) -> torch.Tensor:
    cosine = nn.functional.cosine_similarity(
        model.encode_image(images)[:, None], model.encode_text(ids)[None], dim=-1
    )
    return model.logit_scale * cosine


def _is_patched(model: ImageTextModel) -> bool:
    return any("forward" in vars(part) for part in model.module.modules())


@pytest.mark.parametrize("fused", [True, False])
def test_logits_are_equal_with_and_without(
    build: Build, images: torch.Tensor, ids: torch.Tensor, fused: bool
) -> None:
    model = build()
    for layer in attention_layers(model.module.visual_encoder):
        vars(layer)["fused_attn"] = fused
    with torch.no_grad():
        plain = _logits(model, images, ids)
        with model.record_attention(range(model.depth)) as recorded:
            watched = _logits(model, images, ids)
            assert _is_patched(model)
    assert float((watched - plain).abs().max() / plain.abs().max()) <= 1e-5
    assert sorted(recorded) == [0, 1, 2]
    assert not _is_patched(model)
    with torch.no_grad():
        assert torch.equal(_logits(model, images, ids), plain)


def test_nothing_stays_patched_after_an_exception(build: Build, images: torch.Tensor) -> None:
    model = build()
    with pytest.raises(_OnPurposeError), model.record_attention([0, 2]):
        model.encode_image(images)
        raise _OnPurposeError
    assert not _is_patched(model)


def test_a_copy_of_the_model_records_its_own_attention(build: Build, images: torch.Tensor) -> None:
    model = build()
    twin = copy.deepcopy(model)
    with torch.no_grad():
        for weight in twin.image_tower.parameters():
            weight.mul_(1.5)
    with model.record_attention([2]) as own, twin.record_attention([2]) as others:
        model.encode_image(images)
        assert not others
        twin.encode_image(images)
    assert not torch.equal(own[2], others[2])


def test_probabilities_are_those_of_the_unfused_module(build: Build, images: torch.Tensor) -> None:
    model = build()
    layer = attention_layers(model.module.visual_encoder)[1]
    vars(layer)["fused_attn"] = False
    seen: list[torch.Tensor] = []
    handle = layer.attn_drop.register_forward_hook(lambda _module, _inputs, out: seen.append(out))
    with torch.no_grad():
        model.encode_image(images)
    handle.remove()
    with model.record_attention([1]) as recorded:
        model.encode_image(images)
    torch.testing.assert_close(recorded[1].detach(), seen[0], atol=1e-6, rtol=0)


def test_unknown_attention_is_refused_by_name(build: Build) -> None:
    tower = build().module.visual_encoder
    tower.blocks[1].attn = DiffAttention(32, num_heads=2, depth=1)
    with pytest.raises(RatevalError, match=r"cannot be recorded: it is timm\.\S+\.DiffAttention"):
        attention_layers(tower)


def test_attention_with_a_gate_is_refused(build: Build) -> None:
    tower = build().module.visual_encoder
    attention_layers(tower)[0].gate = nn.Linear(32, 32)
    with pytest.raises(RatevalError, match="Attention with gate"):
        attention_layers(tower)


def test_a_causal_mask_is_refused(build: Build) -> None:
    layer = attention_layers(build().module.visual_encoder)[0]
    with pytest.raises(PluginError, match="is_causal=True"):
        attend(layer, torch.zeros(1, 17, 32), is_causal=True)


def test_layers_that_are_not_there(build: Build) -> None:
    with pytest.raises(RatevalError, match="no vision layer 3; there are 3, from 0 on"):
        build().record_attention([1, 3])
