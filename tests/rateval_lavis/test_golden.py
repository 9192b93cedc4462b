"""lavis-albef gives the numbers of the published evaluation code."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from rateval.api import Context
from rateval_attention.attention.generic import make_generic_attention
from rateval_attention.params import GenericAttentionParams
from rateval_lavis.model import LavisModel
from rateval_lavis.params import LavisAlbefParams

Arrays = dict[str, torch.Tensor]
GOLDEN = Path(__file__).parents[1] / "golden"


class Scores:
    """A classifier whose logits are a function of the model."""

    def __init__(self, model: LavisModel, logits: Callable[[torch.Tensor], torch.Tensor]) -> None:
        self.model, self.logits = model, logits

    decision = None

    def state(self) -> dict[str, torch.Tensor]:
        return {}


@pytest.fixture(scope="module")
def golden() -> Arrays:
    with np.load(GOLDEN / "albef_golden.npz") as file:
        return {key: torch.from_numpy(file[key]) for key in file}


@pytest.fixture
def model(albef: Callable[..., LavisModel], golden_weights: Path) -> LavisModel:
    return albef(pretrained=str(golden_weights))


@pytest.fixture
def zero_shot(model: LavisModel, ids: torch.Tensor) -> Scores:
    with torch.no_grad():
        classes = F.normalize(model.encode_text(ids), dim=-1)
    return Scores(
        model,
        lambda images: model.logit_scale * F.normalize(model.encode_image(images)) @ classes.T,
    )


@pytest.fixture
def head(model: LavisModel, given: Arrays) -> Scores:
    weight, bias = given["lp_weight"], given["lp_bias"]
    return Scores(model, lambda images: F.linear(model.features(images), weight, bias))


def _relevance(classifier: Scores, given: Arrays, layers: Any) -> torch.Tensor:
    attribution = make_generic_attention(GenericAttentionParams(layers=layers), Context())
    return attribution.explain(classifier, given["images"], given["labels"]).relevance.flatten(1)


def _assert_relevance(found: torch.Tensor, expected: torch.Tensor) -> None:
    peak = expected.amax(dim=1, keepdim=True)
    assert float(((found - expected).abs() / peak).max()) <= 2e-5


@torch.no_grad()
def test_embeddings(model: LavisModel, given: Arrays, golden: Arrays) -> None:
    images, ids = given["images"], given["input_ids"]
    pairs = (
        (model.features(images), golden["image_feats"][:, 0]),
        (F.normalize(model.encode_image(images)), golden["image_embeds"]),
        (F.normalize(model.encode_text(ids)), golden["text_embeds"]),
    )
    for found, expected in pairs:
        torch.testing.assert_close(found, expected, atol=1e-5, rtol=0)


@torch.no_grad()
def test_logits_and_predictions(
    zero_shot: Scores, head: Scores, given: Arrays, golden: Arrays
) -> None:
    zs, lp = zero_shot.logits(given["images"]), head.logits(given["images"])
    torch.testing.assert_close(zs, golden["logits_per_image"], atol=1e-4, rtol=0)
    torch.testing.assert_close(lp, golden["lp_logits"], atol=1e-4, rtol=0)
    assert torch.equal(zs.argmax(1), golden["zs_pred"].long())
    assert torch.equal(lp.argmax(1), golden["lp_pred"].long())


@pytest.mark.parametrize("layers", ["last", "all"])
def test_zero_shot_relevance(zero_shot: Scores, given: Arrays, golden: Arrays, layers: str) -> None:
    _assert_relevance(_relevance(zero_shot, given, layers), golden[f"zs_token_{layers}"])


def test_linear_head_relevance(head: Scores, given: Arrays, golden: Arrays) -> None:
    _assert_relevance(_relevance(head, given, "all"), golden["lp_token_all"])


def test_attention_of_the_last_block(model: LavisModel, given: Arrays, golden: Arrays) -> None:
    with model.record_attention([3]) as recorded:
        model.encode_image(given["images"][:4])
    torch.testing.assert_close(recorded[3].detach(), golden["attn_last"], atol=1e-5, rtol=0)


def test_the_position_embedding_is_interpolated(model: LavisModel, golden: Arrays) -> None:
    tower: Any = model.image_tower
    torch.testing.assert_close(
        tower.pos_embed.detach(), golden["pos_embed_used"], atol=1e-6, rtol=0
    )


@torch.no_grad()
def test_without_token_types_it_is_another_model(
    albef: Callable[..., LavisModel], golden_weights: Path, given: Arrays, golden: Arrays
) -> None:
    model = albef(pretrained=str(golden_weights), token_types=False)
    text = F.normalize(model.encode_text(given["input_ids"]))
    assert float((text - golden["text_embeds"]).abs().max()) > 0.1
    assert "text_encoder.embeddings.token_type_embeddings.weight" in model.card.keys_ignored


def test_the_card_says_what_was_used(model: LavisModel, golden_weights: Path) -> None:
    card = model.card
    assert card.keys_used == len(model.module.state_dict()) - 1  # all but position_ids
    assert {"itm_head.weight", "queue_ptr", "text_encoder.cls.predictions.bias"} <= set(
        card.keys_ignored
    )
    assert (card.image_size, card.text_length) == ((64, 64), 30)
    assert card.checkpoint == str(golden_weights)
    assert card.head_feature == "class token"


def test_the_default_takes_token_types_from_the_checkpoint() -> None:
    assert LavisAlbefParams.model_fields["token_types"].default is None
