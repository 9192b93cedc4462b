"""What is exported loads in LAVIS' retrieval models and as this component, with the same logits."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.nn import functional as F

from rateval.api import RatevalError
from rateval_lavis.model import LavisModel
from rateval_lavis.upstream import (
    BatchEncoding,
    BertConfig,
    VisionTransformerEncoder,
    XBertEncoder,
    quiet,
)

Make = Callable[..., LavisModel]
State = dict[str, torch.Tensor]


def change(module: torch.nn.Module) -> None:
    generator = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for name, weight in module.named_parameters():
            scale = 0.05 if name != "temp" else 0.01
            weight.add_(scale * torch.randn(weight.shape, generator=generator))


@torch.no_grad()
def logits(model: LavisModel, images: torch.Tensor, text: Any) -> torch.Tensor:
    image, prompts = model.encode_image(images), model.encode_text(text)
    return model.logit_scale * F.normalize(image, dim=-1) @ F.normalize(prompts, dim=-1).T


def retrieval(family: str, size: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> Any:
    """Build LAVIS' whole retrieval model, with fusion and momentum, of these sizes."""
    from lavis.models.albef_models.albef_retrieval import AlbefRetrieval
    from lavis.models.blip_models.blip_retrieval import BlipRetrieval

    kind: Any = {"albef": AlbefRetrieval, "blip": BlipRetrieval}[family]
    monkeypatch.setattr(kind, "init_tokenizer", lambda _: range(size["vocabulary_size"]))
    vision = VisionTransformerEncoder(
        img_size=size["image_size"],
        patch_size=size["patch_size"],
        embed_dim=size["width"],
        depth=size["depth"],
        num_heads=size["heads"],
    )
    vision.vision_width = size["width"]
    fused = 1 if family == "albef" else 0  # BLIP crosses within its layers
    config: dict[str, Any] = {
        "vocab_size": size["vocabulary_size"],
        "hidden_size": size["text_width"],
        "num_hidden_layers": size["text_layers"] + fused,
        "num_attention_heads": size["text_heads"],
        "intermediate_size": size["text_intermediate"],
        "max_position_embeddings": size["max_positions"],
        "encoder_width": size["width"],
        "add_cross_attention": True,
        "add_type_embeddings": False,
    }
    if fused:
        config["fusion_layer"] = size["text_layers"]
    text = XBertEncoder(config=BertConfig(**config), add_pooling_layer=False)
    return kind(vision, text, queue_size=8, embed_dim=size["embedding"]).eval()


def test_lavis_alone_computes_the_same(
    make: Make,
    images: torch.Tensor,
    ids: torch.Tensor,
    size: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model = make()
    change(model.module)
    (file,) = model.export_checkpoint(tmp_path / "out")
    family = "albef" if "ALBEF" in model.card.architecture else "blip"
    upstream = retrieval(family, size, monkeypatch)
    with quiet():
        found = upstream.load_from_pretrained(str(file))
    needed = ("visual_encoder", "vision_proj", "text_proj", "temp", "text_encoder.embeddings")
    assert not [key for key in found.missing_keys if key.startswith(needed)]
    text = BatchEncoding({"input_ids": ids, "attention_mask": (ids != 0).long()})
    with torch.no_grad():
        tokens = upstream.text_encoder.forward_text(text).last_hidden_state[:, 0]
        prompts = F.normalize(upstream.text_proj(tokens), dim=-1)
        token = upstream.visual_encoder.forward_features(images)[:, 0]
        cosine = F.normalize(upstream.vision_proj(token), dim=-1) @ prompts.T
        momentum = upstream.visual_encoder_m.forward_features(images)[:, 0]
    expected = logits(model, images, ids)
    torch.testing.assert_close(cosine / upstream.temp, expected, atol=1e-5, rtol=1e-6)
    assert torch.equal(momentum, token)


@pytest.mark.parametrize("types", [False, True])
def test_it_is_a_component_again(
    make: Make, images: torch.Tensor, types: bool, vocabulary: Path, tmp_path: Path
) -> None:
    params: dict[str, Any] = {"vocabulary": str(vocabulary)}
    if "ALBEF" in make().card.architecture:
        params["token_types"] = types
    model = make(**params)
    change(model.module)
    files = model.export_checkpoint(tmp_path / "out")
    assert [file.name for file in files] == ["model.pth", "vocab.txt"]
    back = make(pretrained=str(files[0]), vocabulary=str(files[1]))
    prompts = ["a photo of a dog", "yellow taxi on the sea"]
    assert torch.equal(logits(back, images, prompts), logits(model, images, prompts))


def test_load_checkpoint_replaces_every_weight_in_place(make: Make) -> None:
    model = make()
    weights = dict(model.module.named_parameters())
    state = {
        key.replace("text_encoder.", "text_encoder.bert."): value
        for key, value in make(seed=7).module.state_dict().items()
    }
    model.load_checkpoint(state | {"image_queue": torch.zeros(1)}, Path("mine.pth"))
    for key, weight in weights.items():
        assert weight.equal(state[key.replace("text_encoder.", "text_encoder.bert.")])
    card = model.card
    assert (card.checkpoint, card.licence) == ("mine.pth", "unknown")
    assert card.keys_used == len(weights)
    assert "image_queue" in card.keys_ignored


def test_load_checkpoint_refuses_what_the_constructor_refuses(make: Make) -> None:
    state = make(seed=7).module.state_dict()
    del state["temp"]
    with pytest.raises(RatevalError, match=r"mine.pth: the keys are not .* 1 missing \(temp\)"):
        make().load_checkpoint(state, Path("mine.pth"))
