"""Bundled components keep their promises in the variants that their params open."""

from __future__ import annotations

from typing import Any, get_args

import pytest

from rateval.api import Component, Context, Readout
from rateval.api.kinds import Kind
from rateval.registry.discovery import discover
from rateval.testing import check_attribution, check_component, check_model, tiny_classifier
from rateval_attention.attention.generic import make_generic_attention
from rateval_attention.params import GenericAttentionParams
from rateval_clip.model import make_clip
from rateval_clip.params import ClipParams

OWN: dict[str, Any] = {
    "image_size": [48, 64],
    "layers": 2,
    "width": 64,
    "head_width": 32,
    "patch_size": 16,
}
TEXT = {"context_length": 77, "vocab_size": 49408, "width": 32, "heads": 1, "layers": 1}
# timm's own test models: a class token, a mean beside a register, SigLIP's attention pool.
TOWERS: dict[str, dict[str, Any]] = {
    "class token": OWN,
    "custom blocks": OWN | {"qk_norm": True, "scale_fc": True},
    "mean": OWN | {"pool_type": "avg", "final_ln_after_pool": True},
    "timm, class token": {"timm_model_name": "test_vit", "timm_pool": "token", "image_size": 160},
    "timm, mean": {"timm_model_name": "test_vit2", "timm_pool": "avg", "image_size": 160},
    "timm, attention pool": {
        "timm_model_name": "test_vit3",
        "timm_pool": "map",
        "timm_proj": "none",
        "image_size": 160,
    },
}


def _component(kind: Kind, name: str) -> Component:
    registry = discover(third_party=False, environment={})
    (found,) = [row.component for row in registry.of_kind(kind) if row.component.name == name]
    return found


@pytest.mark.parametrize("tower", TOWERS)
def test_clip(tower: str) -> None:
    config = {"embed_dim": 96, "vision_cfg": TOWERS[tower], "text_cfg": TEXT, "custom_text": True}
    check_component(_component("model", "clip"), "model", architecture=config, pretrained="random")


def test_clip_of_the_quickstart() -> None:
    check_model(make_clip(ClipParams(), Context()))


@pytest.mark.parametrize("readout", get_args(Readout))
@pytest.mark.parametrize("params", [{}, {"layers": "last"}, {"layers": 2, "score": "margin"}])
def test_generic_attention(params: dict[str, Any], readout: Readout) -> None:
    attribution = make_generic_attention(GenericAttentionParams(**params), Context())
    check_attribution(attribution, tiny_classifier(readout=readout))
