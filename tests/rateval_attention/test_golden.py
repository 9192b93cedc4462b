"""The clip model and generic-attention give the numbers of the published evaluation code."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from rateval.api import Classifier, Context, Explanation, Model
from rateval_attention.attention.generic import make_generic_attention
from rateval_attention.params import GenericAttentionParams
from rateval_clip.model import Clip, make_clip
from rateval_clip.params import ClipParams

GOLDEN = Path(__file__).parents[1] / "golden"
ARCHITECTURE = {
    "embed_dim": 32,
    "quick_gelu": True,
    "vision_cfg": {
        "image_size": 64,
        "patch_size": 16,
        "width": 128,
        "head_width": 64,
        "layers": 4,
    },
    "text_cfg": {"context_length": 77, "vocab_size": 100, "width": 64, "heads": 1, "layers": 2},
}
Arrays = dict[str, torch.Tensor]


def _arrays(name: str) -> Arrays:
    with np.load(GOLDEN / name) as file:
        return {key: torch.from_numpy(file[key]) for key in file}


@pytest.fixture(scope="module")
def given() -> Arrays:
    arrays = _arrays("clip_a_inputs.npz")
    floats = ("images", "lp_weight", "lp_bias")
    return {k: v.float() if k in floats else v.long() for k, v in arrays.items()}


@pytest.fixture(scope="module")
def golden() -> Arrays:
    return _arrays("clip_a_golden.npz")


@pytest.fixture(scope="module")
def clip_a() -> Clip:
    weights = str(GOLDEN / "clip_a.safetensors")
    return make_clip(ClipParams(architecture=ARCHITECTURE, pretrained=weights), Context())


@pytest.fixture
def zero_shot(
    clip_a: Clip, given: Arrays, cosine: Callable[[Model, torch.Tensor], Classifier]
) -> Classifier:
    with torch.no_grad():
        return cosine(clip_a, clip_a.encode_text(given["tokens"]))


@pytest.fixture
def head(
    clip_a: Clip, given: Arrays, linear: Callable[[Model, torch.Tensor, torch.Tensor], Classifier]
) -> Classifier:
    return linear(clip_a, given["lp_weight"], given["lp_bias"])


def _explain(classifier: Classifier, given: Arrays, labels: torch.Tensor, layers: Any) -> Any:
    attribution = make_generic_attention(GenericAttentionParams(layers=layers), Context())
    explanation: Explanation = attribution.explain(classifier, given["images"], labels)
    return explanation


def _assert_relevance(explanation: Explanation, expected: torch.Tensor) -> None:
    found = explanation.relevance.flatten(1)
    peak = expected.amax(dim=1, keepdim=True)
    assert float(((found - expected).abs() / peak).max()) <= 2e-5


def test_features(clip_a: Clip, given: Arrays, golden: Arrays) -> None:
    with torch.no_grad():
        pairs = (
            (clip_a.features(given["images"]), golden["image_features"]),
            (clip_a.encode_text(given["tokens"]), golden["text_features"]),
        )
    for found, expected in pairs:
        assert float((found - expected).abs().max()) <= 1e-5


def test_logits_and_predictions(
    zero_shot: Classifier, head: Classifier, given: Arrays, golden: Arrays
) -> None:
    with torch.no_grad():
        zs, lp = zero_shot.logits(given["images"]), head.logits(given["images"])
    assert float((zs - golden["logits_per_image"]).abs().max()) <= 1e-4
    assert float((lp - golden["lp_logits"]).abs().max()) <= 1e-4
    assert torch.equal(zs.argmax(1), golden["zs_pred"].long())
    assert torch.equal(lp.argmax(1), golden["lp_pred"].long())


@pytest.mark.parametrize("layers", ["last", "all"])
def test_zero_shot_relevance(
    zero_shot: Classifier, given: Arrays, golden: Arrays, layers: str
) -> None:
    explanation = _explain(zero_shot, given, given["labels"], layers)
    _assert_relevance(explanation, golden[f"zs_token_{layers}"])
    assert float((explanation.logits - golden["logits_per_image"]).abs().max()) <= 1e-4


def test_relevance_of_every_prompt(zero_shot: Classifier, given: Arrays, golden: Arrays) -> None:
    expected = golden["zs_token_last_allprompts"]
    # Faint maps differ from float64 by up to 2.6e-5 of their own peak in the golden file itself,
    # hence the tolerance is a share of the image's strongest map.
    peak = expected.amax(dim=(1, 2))[:, None]
    for prompt in range(5):
        explanation = _explain(zero_shot, given, torch.full((16,), prompt), "last")
        found = explanation.relevance.flatten(1)
        assert float(((found - expected[:, prompt]).abs() / peak).max()) <= 2e-5
        assert torch.equal((found == 0).all(1), (expected[:, prompt] == 0).all(1))


def test_linear_head_relevance(head: Classifier, given: Arrays, golden: Arrays) -> None:
    explanation = _explain(head, given, given["labels"], "all")
    _assert_relevance(explanation, golden["lp_token_all"])


def test_attention_of_the_last_block(clip_a: Clip, given: Arrays, golden: Arrays) -> None:
    with clip_a.record_attention([3]) as recorded:
        clip_a.encode_image(given["images"][:4])
    torch.testing.assert_close(recorded[3].detach(), golden["attn_last"], atol=1e-5, rtol=0)
