"""Both models equal an independent float64 computation, and LAVIS' classes as they come."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch.nn import functional as F
from torch.testing import assert_close

from rateval_lavis.model import LavisModel
from rateval_lavis.upstream import BatchEncoding, BertConfig, OfflineAlbef, XBertEncoder

Weights = Mapping[str, torch.Tensor]
Make = Callable[..., LavisModel]
HEADS = 4


def _linear(w: Weights, name: str, x: torch.Tensor) -> torch.Tensor:
    return x @ w[f"{name}.weight"].T + w[f"{name}.bias"]


def _norm(w: Weights, name: str, x: torch.Tensor, eps: float) -> torch.Tensor:
    centred = x - x.mean(-1, keepdim=True)
    scaled = centred / (centred.square().mean(-1, keepdim=True) + eps).sqrt()
    return scaled * w[f"{name}.weight"] + w[f"{name}.bias"]


def _gelu(x: torch.Tensor) -> torch.Tensor:
    return x / 2 * (1 + torch.erf(x / math.sqrt(2)))


def _attend(
    q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, shown: torch.Tensor | None = None
) -> torch.Tensor:
    q, k, v = (x.view(*x.shape[:2], HEADS, -1) for x in (q, k, v))
    scores = torch.einsum("bihd,bjhd->bhij", q, k) / math.sqrt(q.shape[-1])
    if shown is not None:
        scores = scores.masked_fill(~shown[:, None, None], float("-inf"))
    weights = scores.exp() / scores.exp().sum(-1, keepdim=True)
    return torch.einsum("bhij,bjhd->bihd", weights, v).flatten(2)


def vision(w: Weights, images: torch.Tensor) -> torch.Tensor:
    """The projected class token of a pre-norm transformer, (B, D)."""
    patch = w["visual_encoder.patch_embed.proj.weight"]
    tiles = images.unfold(2, 16, 16).unfold(3, 16, 16).permute(0, 2, 3, 1, 4, 5).flatten(1, 2)
    x = tiles.flatten(2) @ patch.flatten(1).T + w["visual_encoder.patch_embed.proj.bias"]
    x = torch.cat([w["visual_encoder.cls_token"].expand(len(x), -1, -1), x], 1)
    x = x + w["visual_encoder.pos_embed"]
    for layer in range(4):
        name = f"visual_encoder.blocks.{layer}"
        qkv = _linear(w, f"{name}.attn.qkv", _norm(w, f"{name}.norm1", x, 1e-6))
        x = x + _linear(w, f"{name}.attn.proj", _attend(*qkv.chunk(3, -1)))
        hidden = _gelu(_linear(w, f"{name}.mlp.fc1", _norm(w, f"{name}.norm2", x, 1e-6)))
        x = x + _linear(w, f"{name}.mlp.fc2", hidden)
    return _linear(w, "vision_proj", _norm(w, "visual_encoder.norm", x, 1e-6)[:, 0])


def text(w: Weights, ids: torch.Tensor, layers: int) -> torch.Tensor:
    """The projected class token of a post-norm transformer, (K, D)."""
    root = "text_encoder.embeddings"
    x = w[f"{root}.word_embeddings.weight"][ids]
    x = x + w[f"{root}.position_embeddings.weight"][: ids.shape[1]]
    if f"{root}.token_type_embeddings.weight" in w:
        x = x + w[f"{root}.token_type_embeddings.weight"][0]
    x = _norm(w, f"{root}.LayerNorm", x, 1e-12)
    for layer in range(layers):
        name = f"text_encoder.encoder.layer.{layer}"
        q, k, v = (
            _linear(w, f"{name}.attention.self.{part}", x) for part in ("query", "key", "value")
        )
        mixed = _linear(w, f"{name}.attention.output.dense", _attend(q, k, v, ids != 0))
        x = _norm(w, f"{name}.attention.output.LayerNorm", x + mixed, 1e-12)
        hidden = _linear(
            w, f"{name}.output.dense", _gelu(_linear(w, f"{name}.intermediate.dense", x))
        )
        x = _norm(w, f"{name}.output.LayerNorm", x + hidden, 1e-12)
    return _linear(w, "text_proj", x[:, 0])


def _relative(found: torch.Tensor, expected: torch.Tensor) -> float:
    return float((found.double() - expected).abs().max() / expected.abs().max())


@pytest.mark.parametrize("token_types", [False, True])
@torch.no_grad()
def test_albef(
    albef: Make, official: Any, images: torch.Tensor, ids: torch.Tensor, token_types: bool
) -> None:
    model = albef(token_types=token_types)
    _compare(model, official, images, ids)


@torch.no_grad()
def test_blip(blip: Make, official: Any, images: torch.Tensor, ids: torch.Tensor) -> None:
    _compare(blip(), official, images, ids)


def _compare(model: LavisModel, official: Any, images: torch.Tensor, ids: torch.Tensor) -> None:
    state = official(model.module)
    model.module.load_state_dict(state)
    weights = {key: value.double() for key, value in state.items()}
    image_side, text_side = vision(weights, images.double()), text(weights, ids, 2)
    assert _relative(model.encode_image(images), image_side) <= 2e-6
    assert _relative(model.encode_text(ids), text_side) <= 2e-6
    logits = F.normalize(image_side) @ F.normalize(text_side).T / weights["temp"]
    found = F.normalize(model.encode_image(images)) @ F.normalize(model.encode_text(ids)).T
    assert _relative(model.logit_scale * found, logits) <= 1e-5


@torch.no_grad()
def test_albef_without_token_types_is_lavis_as_it_comes(
    albef: Make,
    golden_weights: Path,
    images: torch.Tensor,
    ids: torch.Tensor,
    tmp_path: Path,
) -> None:
    from lavis.models.med import BertForMaskedLM

    path = tmp_path / "ALBEF.pth"
    # LAVIS interpolates the position embedding in the file's precision, which is half here.
    state = {key: value.float() for key, value in load_file(golden_weights).items()}
    torch.save({"model": state}, path)
    whole: dict[str, Any] = {
        "hidden_size": 64,
        "num_hidden_layers": 4,
        "num_attention_heads": 4,
        "intermediate_size": 128,
        "max_position_embeddings": 40,
        "vocab_size": 120,
        "encoder_width": 64,
        "fusion_layer": 2,
        "add_cross_attention": True,
        "add_type_embeddings": False,
    }
    text_tower = BertForMaskedLM(BertConfig(**whole))
    ours = albef(pretrained=str(path), token_types=False)
    vision_tower: Any = albef().image_tower
    theirs: Any = OfflineAlbef(vision_tower, text_tower, embed_dim=32).eval()
    theirs.load_from_pretrained(str(path), rename_text_keys=False)
    theirs.tokenizer = lambda *_, **__: BatchEncoding(
        {"input_ids": ids, "attention_mask": (ids != 0).long()}
    )
    got = theirs.extract_features({"image": images, "text_input": ["" for _ in ids]}, mode="text")
    assert_close(
        F.normalize(ours.encode_text(ids)), got.text_embeds_proj[:, 0], rtol=1e-5, atol=1e-6
    )
    got = theirs.extract_features({"image": images, "text_input": None}, mode="image")
    assert_close(ours.features(images), got.image_embeds[:, 0], rtol=1e-5, atol=1e-6)
    assert_close(
        F.normalize(ours.encode_image(images)), got.image_embeds_proj[:, 0], rtol=1e-5, atol=1e-6
    )


@torch.no_grad()
def test_blip_is_lavis_as_it_comes(
    blip: Make, official: Any, images: torch.Tensor, ids: torch.Tensor, tmp_path: Path
) -> None:
    theirs: Any = blip().module
    settings = theirs.text_encoder.config.to_dict() | {"add_cross_attention": True}
    del settings["fusion_layer"]
    theirs.text_encoder = XBertEncoder(BertConfig(**settings), add_pooling_layer=False).eval()
    state = official(theirs)
    theirs.load_state_dict(state)
    theirs.tokenizer = lambda *_, **__: BatchEncoding(
        {"input_ids": ids, "attention_mask": (ids != 0).long()}
    )
    # LAVIS projects every token, we the first one: equal up to the order of sums.
    path = tmp_path / "model_base.pth"
    torch.save({"model": state}, path)
    ours = blip(pretrained=str(path))
    assert any(".crossattention." in key for key in ours.card.keys_ignored)
    got = theirs.extract_features({"image": images, "text_input": ["" for _ in ids]}, mode="text")
    assert_close(
        F.normalize(ours.encode_text(ids)), got.text_embeds_proj[:, 0], rtol=1e-5, atol=1e-6
    )
    got = theirs.extract_features({"image": images}, mode="image")
    assert_close(
        F.normalize(ours.encode_image(images)), got.image_embeds_proj[:, 0], rtol=1e-5, atol=1e-6
    )
