"""LAVIS' classes and the towers of rateval_vlp give the same embeddings for the same weights.

Both compositions run here on LAVIS' old libraries; on new ones rateval_vlp is held to the golden
files and to float64, as LAVIS is.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from rateval_lavis.model import LavisModel
from rateval_vlp.architecture import Architecture, albef_architecture, blip_architecture
from rateval_vlp.params import AlbefParams, BlipParams
from rateval_vlp.towers import build

Make = Callable[..., LavisModel]


@torch.no_grad()
def _compare(
    lavis: LavisModel, architecture: Architecture, official: Any, images: Any, ids: Any
) -> None:
    state = official(lavis.module)
    lavis.module.load_state_dict(state)
    vlp = build(architecture, seed=0)
    vlp.load_state_dict(state)
    class_token = vlp.visual_encoder.forward_features(images)
    # timm 0.4 returns the class token alone, timm 1 all tokens.
    class_token = class_token[:, 0] if class_token.ndim == 3 else class_token
    pairs = (
        (lavis.features(images), class_token),
        (lavis.encode_image(images), vlp.vision_proj(class_token)),
        (lavis.encode_text(ids), vlp.embed_text(ids)),
    )
    for found, expected in pairs:
        assert float((found - expected).abs().max() / expected.abs().max()) <= 1e-5


def test_albef(
    albef: Make, size: dict[str, Any], official: Any, images: torch.Tensor, ids: torch.Tensor
) -> None:
    architecture = albef_architecture(AlbefParams(pretrained="random", size=size))
    _compare(albef(token_types=True), architecture, official, images, ids)


def test_blip(
    blip: Make, size: dict[str, Any], official: Any, images: torch.Tensor, ids: torch.Tensor
) -> None:
    architecture = blip_architecture(BlipParams(pretrained="random", size=size), None)
    _compare(blip(), architecture, official, images, ids)
