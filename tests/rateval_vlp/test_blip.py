"""BLIP's embeddings, logits and relevance equal an independent float64 computation."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.nn import functional as F
from transformers import BlipConfig, BlipForImageTextRetrieval

from rateval.api import Classifier, Context, Model, RatevalError
from rateval.modelkit import ForeignTable
from rateval_attention.attention.generic import make_generic_attention
from rateval_attention.params import GenericAttentionParams
from rateval_vlp.files import digest
from rateval_vlp.model import ImageTextModel, make_blip
from rateval_vlp.options import ModelOptions
from rateval_vlp.params import BlipParams

Build = Callable[..., ImageTextModel]
State = dict[str, torch.Tensor]


class _Exact:
    """Run BLIP's dual encoder in float64 from official keys, with nothing but tensor products."""

    def __init__(self, state: State, size: dict[str, Any], vision_eps: float = 1e-6) -> None:
        self.state = {key: value.double() for key, value in state.items()}
        self.size = size
        self.vision_eps = vision_eps

    def linear(self, x: torch.Tensor, name: str) -> torch.Tensor:
        return x @ self.state[f"{name}.weight"].T + self.state[f"{name}.bias"]

    def norm(self, x: torch.Tensor, name: str, eps: float) -> torch.Tensor:
        centred = x - x.mean(-1, keepdim=True)
        scaled = centred / (centred.square().mean(-1, keepdim=True) + eps).sqrt()
        return scaled * self.state[f"{name}.weight"] + self.state[f"{name}.bias"]

    @staticmethod
    def gelu(x: torch.Tensor) -> torch.Tensor:
        return x * (1 + torch.erf(x / math.sqrt(2))) / 2

    def image(self, images: torch.Tensor) -> tuple[torch.Tensor, list[torch.Tensor]]:
        """Return the class token (B, F), and the probabilities of each layer, in the graph."""
        name, patch = "visual_encoder", self.size["patch_size"]
        columns = F.unfold(images.double(), patch, stride=patch).transpose(1, 2)
        kernel = self.state[f"{name}.patch_embed.proj.weight"].flatten(1)
        tokens = columns @ kernel.T + self.state[f"{name}.patch_embed.proj.bias"]
        first = self.state[f"{name}.cls_token"].expand(len(images), -1, -1)
        x = torch.cat([first, tokens], dim=1) + self.state[f"{name}.pos_embed"]
        recorded = []
        for layer in range(self.size["depth"]):
            block = f"{name}.blocks.{layer}"
            h = self.norm(x, f"{block}.norm1", self.vision_eps)
            query, key, value = self.linear(h, f"{block}.attn.qkv").chunk(3, dim=-1)
            mixed, weights = self.attend(query, key, value, self.size["heads"])
            recorded.append(weights)
            x = x + self.linear(mixed, f"{block}.attn.proj")
            h = self.norm(x, f"{block}.norm2", self.vision_eps)
            h = self.gelu(self.linear(h, f"{block}.mlp.fc1"))
            x = x + self.linear(h, f"{block}.mlp.fc2")
        return self.norm(x, f"{name}.norm", self.vision_eps)[:, 0], recorded

    def text(self, ids: list[int]) -> torch.Tensor:
        """Return [CLS]'s state of one prompt without padding, (D,)."""
        name = "text_encoder"
        words = self.state[f"{name}.embeddings.word_embeddings.weight"][ids]
        places = self.state[f"{name}.embeddings.position_embeddings.weight"][: len(ids)]
        x = self.norm(words + places, f"{name}.embeddings.LayerNorm", 1e-12)[None]
        for index in range(self.size["text_layers"]):
            layer = f"{name}.encoder.layer.{index}"
            parts = [
                self.linear(x, f"{layer}.attention.self.{part}")
                for part in ("query", "key", "value")
            ]
            mixed, _ = self.attend(parts[0], parts[1], parts[2], self.size["text_heads"])
            mixed = self.linear(mixed, f"{layer}.attention.output.dense")
            x = self.norm(x + mixed, f"{layer}.attention.output.LayerNorm", 1e-12)
            h = self.gelu(self.linear(x, f"{layer}.intermediate.dense"))
            h = self.linear(h, f"{layer}.output.dense")
            x = self.norm(x + h, f"{layer}.output.LayerNorm", 1e-12)
        return x[0, 0]

    @staticmethod
    def attend(
        query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, heads: int
    ) -> tuple[torch.Tensor, torch.Tensor]:
        batch, length, width = query.shape
        split = [x.view(batch, length, heads, -1).transpose(1, 2) for x in (query, key, value)]
        scores = split[0] @ split[1].transpose(2, 3) / math.sqrt(width / heads)
        weights = scores.exp() / scores.exp().sum(-1, keepdim=True)
        if not weights.requires_grad:
            weights.requires_grad_()
        return (weights @ split[2]).transpose(1, 2).reshape(batch, length, width), weights


def _relevance(
    exact: _Exact, images: torch.Tensor, text: torch.Tensor, temperature: float, depth: int
) -> torch.Tensor:
    """Explain the cosine with one embedded text by matrix products over the last layers."""
    token, recorded = exact.image(images)
    cosine = F.normalize(exact.linear(token, "vision_proj"), dim=-1) @ F.normalize(text, dim=0)
    gradients = torch.autograd.grad(cosine.sum() / temperature, recorded)
    tokens = recorded[0].shape[-1]
    rows = torch.eye(tokens, dtype=torch.float64).repeat(len(images), 1, 1)
    for weights, gradient in list(zip(recorded, gradients, strict=True))[-depth:]:
        rows = rows + (weights * gradient).clamp(min=0).mean(1) @ rows
    return rows[:, 0, 1:].detach()


class _Cosine:
    def __init__(self, model: Model, texts: torch.Tensor) -> None:
        self.model = model
        self.texts = F.normalize(texts, dim=-1)

    def logits(self, images: torch.Tensor) -> torch.Tensor:
        embedding = F.normalize(self.model.encode_image(images), dim=-1)
        return self.model.logit_scale * embedding @ self.texts.T

    decision = None

    def state(self) -> State:
        return {}


@pytest.fixture
def trained(blip: Build, official: Callable[[State, str], State], tmp_path: Path) -> Path:
    """A released BLIP checkpoint whose weights are all far from their start."""
    generator = torch.Generator().manual_seed(5)
    state = {
        key: value + 0.2 * torch.randn(value.shape, generator=generator)
        for key, value in blip().module.state_dict().items()
    }
    path = tmp_path / "model_base.pth"
    torch.save({"model": official(state | {"temp": torch.tensor(0.05)}, "blip")}, path)
    return path


@pytest.fixture
def exact(trained: Path, size: dict[str, Any]) -> _Exact:
    return _Exact(torch.load(trained, weights_only=True)["model"], size)


def _unpadded(ids: torch.Tensor) -> list[list[int]]:
    return [[int(number) for number in row if number] for row in ids]


def test_embeddings(
    blip: Build, trained: Path, exact: _Exact, images: torch.Tensor, ids: torch.Tensor
) -> None:
    model = blip(pretrained=str(trained))
    with torch.no_grad():
        token, _ = exact.image(images)
        image = exact.linear(token, "vision_proj")
        text = torch.stack([exact.linear(exact.text(row), "text_proj") for row in _unpadded(ids)])
        pairs = (
            (model.features(images), token),
            (model.encode_image(images), image),
            (model.encode_text(ids), text),
        )
    for found, expected in pairs:
        assert float((found - expected).abs().max()) <= 1e-5 * float(expected.abs().max())
    assert model.logit_scale.item() == pytest.approx(1 / 0.05)


@pytest.mark.parametrize(("layers", "depth"), [("last", 1), ("all", 3)])
def test_relevance(
    blip: Build,
    trained: Path,
    exact: _Exact,
    images: torch.Tensor,
    ids: torch.Tensor,
    layers: Any,
    depth: int,
) -> None:
    model = blip(pretrained=str(trained))
    labels = torch.tensor([0, 2, 1, 0])
    with torch.no_grad():
        classifier: Classifier = _Cosine(model, model.encode_text(ids))
    attribution = make_generic_attention(GenericAttentionParams(layers=layers), Context())
    found = attribution.explain(classifier, images, labels).relevance.flatten(1)
    for index, label in enumerate(labels.tolist()):
        text = exact.linear(exact.text(_unpadded(ids)[label]), "text_proj")
        expected = _relevance(exact, images[index : index + 1], text, 0.05, depth)[0]
        assert float((found[index] - expected).abs().max()) <= 2e-5 * float(expected.max())


@pytest.fixture
def folder(tmp_path: Path, size: dict[str, Any]) -> Path:
    """What transformers itself saves of a BlipForImageTextRetrieval."""
    config = BlipConfig(
        vision_config={
            "image_size": size["image_size"],
            "patch_size": size["patch_size"],
            "hidden_size": size["width"],
            "intermediate_size": 4 * size["width"],
            "num_hidden_layers": size["depth"],
            "num_attention_heads": size["heads"],
        },
        text_config={
            "hidden_size": size["text_width"],
            "encoder_hidden_size": size["width"],
            "num_hidden_layers": size["text_layers"],
            "num_attention_heads": size["text_heads"],
            "intermediate_size": size["text_intermediate"],
            "vocab_size": size["vocabulary_size"],
            "max_position_embeddings": size["max_positions"],
        },
        image_text_hidden_size=size["embedding"],
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(2)
        module = BlipForImageTextRetrieval(config)
        with torch.no_grad():
            for weight in module.parameters():
                weight.add_(0.2 * torch.randn_like(weight))
    path = tmp_path / "hugging-face"
    module.save_pretrained(path)
    return path


def test_hugging_face_folder(
    folder: Path, images: torch.Tensor, ids: torch.Tensor, size: dict[str, Any]
) -> None:
    model = make_blip(BlipParams(pretrained=str(folder)), Context())
    upstream = BlipForImageTextRetrieval.from_pretrained(folder, local_files_only=True)
    with torch.no_grad():
        cosine = (
            F.normalize(model.encode_image(images), dim=-1)
            @ F.normalize(model.encode_text(ids), dim=-1).T
        )
        expected = upstream(
            input_ids=ids,
            pixel_values=images,
            attention_mask=(ids != 0).long(),
            use_itm_head=False,
        ).itm_score
        state = {
            f"visual_encoder.{key}": value
            for key, value in model.module.visual_encoder.state_dict().items()
        }
        token, _ = _Exact(state, size, vision_eps=1e-5).image(images)
        features = model.features(images)
    torch.testing.assert_close(cosine, expected, atol=1e-5, rtol=0)
    torch.testing.assert_close(features.double(), token, atol=1e-5, rtol=1e-5)
    assert model.logit_scale.item() == pytest.approx(1 / 0.07, rel=1e-3)
    card = model.card
    assert card.keys_used == len(model.module.state_dict()) - 1  # it holds no temperature
    assert any(key.startswith("itm_head") for key in card.keys_ignored)
    assert any("crossattention" in key for key in card.keys_ignored)
    assert card.image_size == (32, 32)


def test_hugging_face_folder_with_a_torch_file(folder: Path, images: torch.Tensor) -> None:
    params = BlipParams(pretrained=str(folder), temperature=0.1)
    before = make_blip(params, Context())
    first = digest(params)
    state = BlipForImageTextRetrieval.from_pretrained(folder).state_dict()
    (folder / "model.safetensors").unlink()
    torch.save(state, folder / "pytorch_model.bin")
    after = make_blip(params, Context())
    with torch.no_grad():
        assert torch.equal(before.encode_image(images), after.encode_image(images))
    assert after.logit_scale.item() == pytest.approx(10)
    assert digest(params) != first


def test_hugging_face_folder_at_another_image_size(folder: Path, size: dict[str, Any]) -> None:
    larger = BlipParams(pretrained=str(folder), size=size | {"image_size": 64})
    assert make_blip(larger, Context()).grid == (8, 8)
    other = BlipParams(pretrained=str(folder), size=size | {"heads": 4})
    with pytest.raises(RatevalError, match="says heads = 2, size says 4"):
        make_blip(other, Context())


def test_hugging_face_weights_without_their_folder(folder: Path, blip: Build) -> None:
    with pytest.raises(RatevalError, match="give the path of the folder"):
        blip(pretrained=str(folder / "model.safetensors"), temperature=0.1)


def test_a_temperature_of_one_s_own(blip: Build, trained: Path) -> None:
    assert blip(pretrained=str(trained), temperature=0.1).logit_scale.item() == pytest.approx(10)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"model_type": "clip"}, "describes 'clip', not 'blip'"),
        ({"vision_config": {"hidden_act": "relu"}}, "hidden_act is 'relu'"),
        ({"vision_config": {"intermediate_size": 7}}, "intermediate_size is 7"),
        ({"vision_config": {"patch_size": 7}}, "must be a multiple of patch_size = 7"),
    ],
)
def test_config_of_another_model(folder: Path, change: dict[str, Any], reason: str) -> None:
    path = folder / "config.json"
    config = json.loads(path.read_text(encoding="utf-8"))
    for key, value in change.items():
        config[key] = config[key] | value if isinstance(value, dict) else value
    path.write_text(json.dumps(config), encoding="utf-8")
    with pytest.raises(RatevalError, match=rf"config\.json: .*{reason}"):
        make_blip(BlipParams(pretrained=str(folder)), Context())


def test_folder_that_lacks_a_file(folder: Path) -> None:
    params = BlipParams(pretrained=str(folder))
    (folder / "config.json").write_text("{", encoding="utf-8")
    with pytest.raises(RatevalError, match="not a readable JSON config"):
        make_blip(params, Context())
    (folder / "config.json").unlink()
    with pytest.raises(RatevalError, match=r"lacks config\.json or the weights"):
        make_blip(params, Context())


def test_defaults_of_a_hugging_face_config_are_those_of_transformers() -> None:
    theirs = BlipConfig()
    ours = ModelOptions(model_type="blip")
    for mine, its in ((ours, theirs), (ours.text, theirs.text_config)):
        assert _shared(mine, its) > 5
    assert _shared(ours.vision, theirs.vision_config) > 5


def _shared(ours: ForeignTable, theirs: object) -> int:
    """Return how many plain options both have; each must have the same default."""
    plain = {
        name: value
        for name, value in ours.model_dump().items()
        if hasattr(theirs, name) and not name.endswith(("_config", "_type"))
    }
    assert plain == {name: getattr(theirs, name) for name in plain}
    return len(plain)


def test_a_folder_that_normalises_by_other_numbers_is_refused(folder: Path) -> None:
    official = {"image_mean": [0.48145466, 0.4578275, 0.40821073]}
    path = folder / "preprocessor_config.json"
    path.write_text(json.dumps(official), encoding="utf-8")
    wanted: dict[str, Any] = {"pretrained": str(folder)}
    assert len(digest(BlipParams(**wanted))) == 64
    path.write_text(json.dumps(official | {"image_std": [0.5, 0.5, 0.5]}), encoding="utf-8")
    for look in (digest, lambda params: make_blip(params, Context())):
        with pytest.raises(
            RatevalError,
            match=r"image_std = \[0\.5, 0\.5, 0\.5\]: is another .*set image_std in",
        ):
            look(BlipParams(**wanted))
    model = make_blip(BlipParams(**wanted, image_std=(0.5, 0.5, 0.5)), Context())
    assert model.card.std == (0.5, 0.5, 0.5)
