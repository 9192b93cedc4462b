"""The albef model and generic-attention give the numbers of the published evaluation code."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch.nn import functional as F

from rateval.api import Classifier, Context, Model
from rateval_attention.attention.generic import make_generic_attention
from rateval_attention.params import GenericAttentionParams
from rateval_vlp.model import ImageTextModel, make_albef
from rateval_vlp.params import AlbefParams

GOLDEN = Path(__file__).parents[1] / "golden"
Arrays = dict[str, torch.Tensor]


class _ByLogits:
    """Score by the scaled cosine, or by a linear head on the class token."""

    def __init__(self, model: Model, texts: torch.Tensor | None, given: Arrays) -> None:
        self.model = model
        self.texts = texts
        self.given = given

    def logits(self, images: torch.Tensor) -> torch.Tensor:
        if self.texts is None:
            features = self.model.features(images)
            return F.linear(features, self.given["lp_weight"], self.given["lp_bias"])
        embedding = F.normalize(self.model.encode_image(images), dim=-1)
        return self.model.logit_scale * embedding @ F.normalize(self.texts, dim=-1).T

    decision = None

    def state(self) -> dict[str, torch.Tensor]:
        return {}


def _arrays(name: str) -> Arrays:
    with np.load(GOLDEN / name) as file:
        return {key: torch.from_numpy(file[key]) for key in file}


@pytest.fixture(scope="module")
def given() -> Arrays:
    arrays = _arrays("albef_inputs.npz")
    floats = ("images", "lp_weight", "lp_bias")
    return {k: v.float() if k in floats else v.long() for k, v in arrays.items()}


@pytest.fixture(scope="module")
def golden() -> Arrays:
    return _arrays("albef_golden.npz")


@pytest.fixture(scope="module")
def exact() -> Arrays:
    return _arrays("albef_f64.npz")


@pytest.fixture(scope="module")
def albef() -> ImageTextModel:
    dims = json.loads((GOLDEN / "albef_config.json").read_text(encoding="utf-8"))["dims"]
    size = {
        "image_size": dims["image"],
        "patch_size": dims["patch"],
        "width": dims["vw"],
        "depth": dims["vl"],
        "heads": dims["vh"],
        "text_width": dims["tw"],
        "text_layers": dims["fusion"],
        "text_heads": dims["th"],
        "text_intermediate": dims["inter"],
        "vocabulary_size": dims["vocab"],
        "max_positions": dims["maxpos"],
        "embedding": dims["embed"],
    }
    params = AlbefParams(pretrained=str(GOLDEN / "albef.safetensors"), size=size)
    return make_albef(params, Context())


@pytest.fixture
def zero_shot(albef: ImageTextModel, given: Arrays) -> Classifier:
    with torch.no_grad():
        return _ByLogits(albef, albef.encode_text(given["input_ids"]), given)


@pytest.fixture
def head(albef: ImageTextModel, given: Arrays) -> Classifier:
    return _ByLogits(albef, None, given)


def test_the_whole_checkpoint_is_accounted_for(albef: ImageTextModel) -> None:
    card = albef.card
    assert card.keys_used + len(card.keys_ignored) == len(load_file(GOLDEN / "albef.safetensors"))
    assert {key.partition(".")[0] for key in card.keys_ignored} == {
        "queue_ptr",
        "itm_head",
        "text_encoder",
    }
    assert card.keys_used == len(albef.module.state_dict())


def test_position_embedding_is_resized_without_antialiasing(
    albef: ImageTextModel, golden: Arrays
) -> None:
    used = albef.module.state_dict()["visual_encoder.pos_embed"]
    torch.testing.assert_close(used, golden["pos_embed_used"], atol=1e-6, rtol=0)


@pytest.mark.parametrize("reference", ["golden", "exact"])
def test_embeddings(
    albef: ImageTextModel, given: Arrays, reference: str, request: pytest.FixtureRequest
) -> None:
    expected: Arrays = request.getfixturevalue(reference)
    with torch.no_grad():
        pairs = (
            (albef.encode_image(given["images"]), expected["image_embeds"]),
            (albef.encode_text(given["input_ids"]), expected["text_embeds"]),
        )
    for found, wanted in pairs:
        # The published code keeps them normalised.
        assert float((F.normalize(found, dim=-1) - wanted).abs().max()) <= 1e-5


def test_features_are_the_class_token(albef: ImageTextModel, given: Arrays, golden: Arrays) -> None:
    with torch.no_grad():
        found = albef.features(given["images"])
    assert float((found - golden["image_feats"][:, 0]).abs().max()) <= 1e-5


def test_logits_and_predictions(
    zero_shot: Classifier, head: Classifier, given: Arrays, golden: Arrays, exact: Arrays
) -> None:
    with torch.no_grad():
        zs, lp = zero_shot.logits(given["images"]), head.logits(given["images"])
    assert float((zs - golden["logits_per_image"]).abs().max()) <= 1e-4
    assert float((zs - exact["logits_per_image"]).abs().max()) <= 1e-4
    assert float((lp - golden["lp_logits"]).abs().max()) <= 1e-4
    assert torch.equal(zs.argmax(1), golden["zs_pred"].long())
    assert torch.equal(lp.argmax(1), golden["lp_pred"].long())


@pytest.mark.parametrize(("kind", "layers"), [("zs", "last"), ("zs", "all"), ("lp", "all")])
def test_relevance_and_its_mass(
    request: pytest.FixtureRequest,
    given: Arrays,
    golden: Arrays,
    exact: Arrays,
    kind: str,
    layers: str,
) -> None:
    classifier: Classifier = request.getfixturevalue({"zs": "zero_shot", "lp": "head"}[kind])
    attribution = make_generic_attention(GenericAttentionParams(layers=layers), Context())
    explanation = attribution.explain(classifier, given["images"], given["labels"])
    found = explanation.relevance.flatten(1)
    for reference in (golden, exact):
        expected = reference[f"{kind}_token_{layers}"]
        peak = expected.amax(dim=1, keepdim=True)
        assert float(((found - expected).abs() / peak).max()) <= 2e-5
    heat = _heat(explanation.relevance)
    assert float((heat - golden[f"{kind}_heat_{layers}"]).abs().max()) <= 5e-5
    inside = (heat[:, None] * given["masks"]).sum((2, 3))
    mass = inside / heat.sum((1, 2))[:, None]
    assert float((mass - golden[f"rma_{kind}_heat_{layers}"]).abs().max()) <= 1e-5


def _heat(relevance: torch.Tensor) -> torch.Tensor:
    heat = F.interpolate(relevance[:, None], size=(64, 64), mode="bilinear", align_corners=False)
    low, high = heat.amin((2, 3), keepdim=True), heat.amax((2, 3), keepdim=True)
    return ((heat - low) / (high - low))[:, 0]


def test_attention_of_the_last_block(albef: ImageTextModel, given: Arrays, golden: Arrays) -> None:
    with albef.record_attention([3]) as recorded:
        albef.encode_image(given["images"][:4])
    torch.testing.assert_close(recorded[3].detach(), golden["attn_last"], atol=1e-5, rtol=0)
