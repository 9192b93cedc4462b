"""Every kind of open_clip's image tower is recorded and explained, or refused with a reason."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import open_clip
import pytest
import timm
import torch

from rateval.api import Model, RatevalError
from rateval_clip.model import Clip
from rateval_clip.tower import read_tower

Build = Callable[..., Clip]

# timm's own test models stand for its big ones: SigLIP's pool, a mean, a class token.
TOWERS: dict[str, tuple[dict[str, Any], tuple[object, ...]]] = {
    "own": ({}, ((4, 4), 1, "class token", 3)),
    "own, mean": (
        {"pool_type": "avg", "no_ln_pre": True, "final_ln_after_pool": True},
        ((4, 4), 1, "mean", 3),
    ),
    "own, custom block": (
        {"qk_norm": True, "scale_heads": True, "scale_attn_inner": True, "scale_attn": True},
        ((4, 4), 1, "class token", 3),
    ),
    "own, layer scale": ({"ls_init_value": 0.1}, ((4, 4), 1, "class token", 3)),
    "timm, class token": (
        {"timm_model_name": "test_vit", "timm_pool": "token"},
        ((10, 10), 1, "class token", 6),
    ),
    "timm, mean": (
        {"timm_model_name": "test_vit2", "timm_pool": "avg", "timm_proj": "mlp"},
        ((10, 10), 1, "mean", 8),
    ),
    "timm, attention pool": (
        {"timm_model_name": "test_vit3", "timm_pool": "map", "timm_proj": "none"},
        ((10, 10), 1, "attention pool", 10),
    ),
}


@pytest.fixture(params=TOWERS)
def tower(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def model(build: Build, config: dict[str, Any], tower: str) -> Clip:
    changes, _ = TOWERS[tower]
    if "timm_model_name" in changes:
        config |= {"custom_text": True, "init_logit_bias": -10, "embed_dim": 96}
        changes = changes | {"image_size": 160}
    config["vision_cfg"] |= changes
    return build(architecture=config)


@pytest.fixture
def pictures(model: Clip) -> torch.Tensor:
    return torch.randn(2, 3, *model.image_size, generator=torch.Generator().manual_seed(1))


def test_what_is_declared(model: Model, tower: str) -> None:
    declared = (model.grid, model.prefix_tokens, model.readout, model.depth)
    assert declared == TOWERS[tower][1]
    assert model.card.licence == "unknown"


def test_logits_are_equal_with_and_without_recording(model: Clip, pictures: torch.Tensor) -> None:
    module: Any = model.module
    ids = torch.tensor([[1, 5, 19, 0, 0, 0, 0, 0], [1, 7, 8, 19, 0, 0, 0, 0]])
    plain, _ = module.get_logits(pictures, ids)
    with model.record_attention(range(model.depth)) as recorded:
        found, _ = module.get_logits(pictures, ids)
    torch.testing.assert_close(found, plain, atol=1e-5, rtol=1e-5)
    assert sorted(recorded) == list(range(model.depth))


def test_nothing_stays_patched(model: Clip, pictures: torch.Tensor) -> None:
    def patched() -> list[str]:
        return [name for name, part in model.module.named_modules() if "forward" in vars(part)]

    with model.record_attention(range(model.depth)):
        model.encode_image(pictures)
        assert len(patched()) >= model.depth
    assert patched() == []
    with pytest.raises(KeyError), model.record_attention(range(model.depth)):
        model.encode_image(pictures)
        raise KeyError
    assert patched() == []


def test_a_copy_attends_by_its_own_weights(model: Clip, pictures: torch.Tensor) -> None:
    changed = copy.deepcopy(model)
    with torch.no_grad():
        for weight in changed.image_tower.parameters():
            weight.mul_(1.1)
        plain = changed.encode_image(pictures)
    assert not torch.allclose(plain, model.encode_image(pictures), atol=1e-3)
    with changed.record_attention(range(model.depth)):
        torch.testing.assert_close(changed.encode_image(pictures), plain, atol=1e-5, rtol=1e-4)


def test_probabilities_are_those_of_timms_own_plain_steps(
    build: Build, config: dict[str, Any]
) -> None:
    config["vision_cfg"] |= {"timm_model_name": "test_vit", "timm_pool": "token", "image_size": 160}
    model = build(architecture=config)
    trunk: Any = model.image_tower.trunk
    images = torch.randn(2, 3, 160, 160, generator=torch.Generator().manual_seed(1))
    with model.record_attention(range(6)) as recorded:
        output = model.encode_image(images)
    gradients = torch.autograd.grad(output.sum(), list(recorded.values()))
    seen: list[torch.Tensor] = []
    for block in trunk.blocks:
        block.attn.fused_attn = False
        block.attn.attn_drop.register_forward_hook(lambda *call: seen.append(call[2]))
    expected = torch.autograd.grad(model.encode_image(images).sum(), seen)
    for layer in range(6):
        torch.testing.assert_close(recorded[layer], seen[layer], atol=1e-6, rtol=0)
        torch.testing.assert_close(gradients[layer], expected[layer], atol=1e-6, rtol=1e-4)
    with (
        pytest.raises(RatevalError, match=r"timm\.layers\.attention\.Attention cannot be recorded"),
        model.record_attention([0]),
    ):
        model.encode_image(images)


def test_the_bias_of_siglip_changes_no_prediction_and_no_gradient(
    build: Build, config: dict[str, Any], images: torch.Tensor
) -> None:
    biased = build(architecture=config | {"init_logit_bias": -10.0})
    plain = build(architecture=copy.deepcopy(config))
    module: Any = biased.module
    assert module.logit_bias.item() == -10
    assert torch.equal(biased.encode_image(images), plain.encode_image(images))
    ids = torch.tensor([[1, 5, 19, 0, 0, 0, 0, 0], [1, 7, 8, 19, 0, 0, 0, 0]])
    difference = (
        module.get_logits(images, ids)[0] - module.get_logits(images, ids)[0].mean(1)[:, None]
    )
    module.logit_bias.data.zero_()
    again = module.get_logits(images, ids)[0]
    torch.testing.assert_close(difference, again - again.mean(1)[:, None], atol=1e-4, rtol=0)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"layers": [1, 1, 1, 1], "width": 16, "image_size": 64}, "ResNet, which has no self-att"),
        ({"pool_type": "none"}, "reads no embedding .pool_type 'none'"),
        ({"output_tokens": True}, "returns tokens, too"),
        ({"attentional_pool": True, "attn_pooler_heads": 2}, "attentional pool has many queries"),
        ({"timm_model_name": "test_resnet"}, "image tower ResNet has no self-attention blocks"),
        ({"timm_model_name": "test_convnext", "timm_pool": ""}, "ConvNeXt has no self-attention"),
        ({"timm_model_name": "test_vit", "timm_pool": "max"}, "pools tokens in a way of its own"),
    ],
)
def test_towers_that_cannot_be_recorded_are_refused(
    build: Build, config: dict[str, Any], changes: dict[str, Any], reason: str
) -> None:
    config["vision_cfg"] |= changes
    with pytest.raises(RatevalError, match=f"inline architecture.*{reason}"):
        build(architecture=config)


def test_an_attention_that_is_not_known_is_named(build: Build) -> None:
    model = build()
    tower: Any = model.image_tower
    tower.transformer.resblocks[1].attn = torch.nn.Identity()
    with pytest.raises(RatevalError, match=r"mine: .*is torch\.nn\.modules\.linear\.Identity"):
        read_tower(tower, "mine")
    trunk: Any = timm.create_model("test_vit")
    wrapped: Any = open_clip.timm_model.TimmModel("test_vit", 12, image_size=160, pool="token")
    wrapped.trunk = trunk
    trunk.blocks[2].attn = torch.nn.Identity()
    with pytest.raises(RatevalError, match=r"mine: .*is torch\.nn\.modules\.linear\.Identity"):
        read_tower(wrapped, "mine")


def test_timm_without_fused_attention_is_named(
    build: Build, config: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    config["vision_cfg"] |= {"timm_model_name": "test_vit", "timm_pool": "token", "image_size": 160}
    monkeypatch.setattr("timm.layers.config._USE_FUSED_ATTN", 0)
    with pytest.raises(RatevalError, match=r"inline .* fused attention is switched off; unset"):
        build(architecture=config)


@pytest.mark.parametrize(
    ("name", "declared"),
    [
        ("ViT-L-14", ((16, 16), 1, "class token", 24)),
        ("ViT-H-14-CLIPA", ((16, 16), 1, "mean", 32)),
        ("ViT-B-16-SigLIP", ((14, 14), 0, "attention pool", 13)),
        ("ViT-SO400M-14-SigLIP2", ((16, 16), 0, "attention pool", 28)),
        ("EVA02-B-16", ((14, 14), 1, "class token", 12)),
        ("PE-Core-B-16", ((14, 14), 1, "attention pool", 13)),
        ("MobileCLIP-B", ((14, 14), 1, "class token", 12)),
        ("vit_medium_patch16_gap_256", ((16, 16), 0, "mean", 12)),
        ("vit_relpos_medium_patch16_cls_224", ((14, 14), 1, "class token", 12)),
        ("ViTamin-S", ((14, 14), 0, "mean", 14)),
    ],
)
def test_full_size_towers_are_read(name: str, declared: tuple[object, ...]) -> None:
    config = open_clip.get_model_config(name)
    with torch.device("meta"):
        built: Any = open_clip.model._build_vision_tower(config["embed_dim"], config["vision_cfg"])
    found = read_tower(built, name)
    assert (found.grid, found.prefix_tokens, found.readout, len(found.layers)) == declared


@pytest.mark.parametrize("name", ["RN50", "convnext_base", "swin_base_patch4_window7_224"])
def test_full_size_towers_without_global_attention_are_refused(name: str) -> None:
    config = open_clip.get_model_config(name)
    with torch.device("meta"):
        built: Any = open_clip.model._build_vision_tower(config["embed_dim"], config["vision_cfg"])
    with pytest.raises(RatevalError, match=f"{name}: its attention cannot be recorded"):
        read_tower(built, name)
