"""The golden CLIP, saved as transformers saves it, gives the published code's numbers."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from transformers import CLIPConfig, CLIPModel

from rateval.api import Classifier, Context
from rateval_attention.attention.generic import make_generic_attention
from rateval_attention.params import GenericAttentionParams
from rateval_hf.model import HfClip, make_hf_clip
from rateval_hf.params import HfClipParams

GOLDEN = Path(__file__).parents[1] / "golden"
Arrays = dict[str, torch.Tensor]

_NAMES = (
    (r"^visual\.class_embedding", "vision_model.embeddings.class_embedding"),
    (r"^visual\.positional_embedding", "vision_model.embeddings.position_embedding.weight"),
    (r"^visual\.conv1", "vision_model.embeddings.patch_embedding"),
    (r"^visual\.ln_pre", "vision_model.pre_layrnorm"),
    (r"^visual\.ln_post", "vision_model.post_layernorm"),
    (r"^visual\.transformer\.resblocks", "vision_model.encoder.layers"),
    (r"^transformer\.resblocks", "text_model.encoder.layers"),
    (r"^token_embedding", "text_model.embeddings.token_embedding"),
    (r"^positional_embedding", "text_model.embeddings.position_embedding.weight"),
    (r"^ln_final", "text_model.final_layer_norm"),
    (r"\.attn\.", ".self_attn."),
    (r"\.ln_([12])\.", r".layer_norm\1."),
    (r"\.c_fc\.", ".fc1."),
    (r"\.c_proj\.", ".fc2."),
)


def _renamed(state: Arrays) -> Arrays:
    """Bring OpenAI's keys to those of transformers."""
    renamed: Arrays = {"logit_scale": state["logit_scale"]}
    for key, value in state.items():
        for pattern, name in _NAMES:
            key = re.sub(pattern, name, key)
        if "in_proj_" in key:
            for part, third in zip("qkv", value.chunk(3), strict=True):
                renamed[key.replace("in_proj_", f"{part}_proj.")] = third
        elif key in ("visual.proj", "text_projection"):
            name = "visual_projection" if key == "visual.proj" else key
            renamed[f"{name}.weight"] = value.T
        elif key.startswith(("vision_model", "text_model")):
            renamed[key] = value
    return renamed


@pytest.fixture(scope="module")
def golden() -> Arrays:
    arrays: Arrays = {}
    for name in ("clip_a_inputs.npz", "clip_a_golden.npz"):
        with np.load(GOLDEN / name) as file:
            arrays |= {key: torch.from_numpy(file[key]) for key in file}
    return arrays


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> HfClip:
    folder = tmp_path_factory.mktemp("clip_a")
    config = CLIPConfig(
        vision_config={
            "image_size": 64,
            "patch_size": 16,
            "hidden_size": 128,
            "intermediate_size": 512,
            "num_hidden_layers": 4,
            "num_attention_heads": 2,
        },
        text_config={
            "vocab_size": 100,
            "hidden_size": 64,
            "intermediate_size": 256,
            "num_hidden_layers": 2,
            "num_attention_heads": 1,
            "max_position_embeddings": 77,
            "bos_token_id": 98,
            "eos_token_id": 99,
            "pad_token_id": 0,
        },
        projection_dim=32,
    )
    module: Any = CLIPModel(config)
    state = _renamed({k: v.float() for k, v in load_file(GOLDEN / "clip_a.safetensors").items()})
    module.load_state_dict(state)
    module.save_pretrained(folder)
    settings = {"size": {"shortest_edge": 64}, "crop_size": 64}
    (folder / "preprocessor_config.json").write_text(json.dumps(settings), encoding="utf-8")
    return make_hf_clip(HfClipParams(folder=str(folder)), Context())


@pytest.fixture
def classifier(
    model: HfClip, golden: Arrays, by_cosine: Callable[[HfClip, torch.Tensor], Classifier]
) -> Classifier:
    return by_cosine(model, golden["tokens"].long())


def test_embeddings_and_logits(model: HfClip, classifier: Classifier, golden: Arrays) -> None:
    images = golden["images"].float()
    with torch.no_grad():
        image, text = model.encode_image(images), model.encode_text(golden["tokens"].long())
        logits = classifier.logits(images)
    assert float((image - golden["image_features"]).abs().max()) <= 1e-5
    assert float((text - golden["text_features"]).abs().max()) <= 1e-5
    assert float((logits - golden["logits_per_image"]).abs().max()) <= 1e-4
    assert torch.equal(logits.argmax(1), golden["zs_pred"].long())


@pytest.mark.parametrize("layers", ["last", "all"])
def test_relevance(classifier: Classifier, golden: Arrays, layers: Any) -> None:
    attribution = make_generic_attention(GenericAttentionParams(layers=layers), Context())
    explanation = attribution.explain(classifier, golden["images"].float(), golden["labels"].long())
    expected = golden[f"zs_token_{layers}"]
    found = explanation.relevance.flatten(1)
    peak = expected.amax(dim=1, keepdim=True)
    assert float(((found - expected).abs() / peak).max()) <= 2e-5
