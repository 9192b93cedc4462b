"""ViT-B/16 as OpenAI saved it: official key names and shapes, half precision, one dict."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import open_clip
import pytest
import torch
from PIL import Image

from rateval.api import Context
from rateval_clip.model import Clip, make_clip
from rateval_clip.params import ClipParams

BLOCK = {
    "attn.in_proj_weight": (3, 1),
    "attn.in_proj_bias": (3,),
    "attn.out_proj.weight": (1, 1),
    "attn.out_proj.bias": (1,),
    "ln_1.weight": (1,),
    "ln_1.bias": (1,),
    "mlp.c_fc.weight": (4, 1),
    "mlp.c_fc.bias": (4,),
    "mlp.c_proj.weight": (1, 4),
    "mlp.c_proj.bias": (1,),
    "ln_2.weight": (1,),
    "ln_2.bias": (1,),
}


def _official_state() -> dict[str, torch.Tensor]:
    """Draw weights under the names and shapes of OpenAI's ViT-B-16.pt, written out here."""
    shapes: dict[str, tuple[int, ...]] = {
        "visual.class_embedding": (768,),
        "visual.positional_embedding": (197, 768),
        "visual.proj": (768, 512),
        "visual.conv1.weight": (768, 3, 16, 16),
        "positional_embedding": (77, 512),
        "token_embedding.weight": (49408, 512),
        "text_projection": (512, 512),
    }
    for name, width in (("visual.ln_pre", 768), ("visual.ln_post", 768), ("ln_final", 512)):
        shapes |= {f"{name}.weight": (width,), f"{name}.bias": (width,)}
    for tower, width in (("visual.transformer", 768), ("transformer", 512)):
        for layer in range(12):
            for name, sides in BLOCK.items():
                key = f"{tower}.resblocks.{layer}.{name}"
                shapes[key] = tuple(side * width for side in sides)
    generator = torch.Generator().manual_seed(0)
    state = {
        key: 1 + torch.zeros(shape)
        if ".ln_" in f".{key}" and key.endswith("weight")
        else torch.randn(shape, generator=generator) * 0.03
        for key, shape in shapes.items()
    }
    numbers = {"input_resolution": 224, "context_length": 77, "vocab_size": 49408}
    state |= {name: torch.tensor(number) for name, number in numbers.items()}
    return {key: value.half() for key, value in state.items()} | {
        "logit_scale": torch.tensor(4.6052)
    }


@pytest.fixture(scope="module")
def saved(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[Path, dict[str, torch.Tensor]]]:
    path = tmp_path_factory.mktemp("official") / "ViT-B-16.pt"
    state = _official_state()
    torch.save(state, path)
    yield path, state
    path.unlink()


@pytest.fixture(scope="module")
def model(saved: tuple[Path, dict[str, torch.Tensor]]) -> Clip:
    params = ClipParams(architecture="ViT-B-16-quickgelu", pretrained=str(saved[0]))
    return make_clip(params, Context())


def test_what_it_declares(model: Clip) -> None:
    assert (model.grid, model.prefix_tokens, model.depth) == ((14, 14), 1, 12)
    assert sum(weight.numel() for weight in model.module.parameters()) == 149_620_737
    assert model.card.mean == open_clip.OPENAI_DATASET_MEAN
    assert model.card.keys_used == 302
    assert model.card.keys_ignored == ("input_resolution", "context_length", "vocab_size")


def test_it_is_what_open_clip_builds_from_the_official_dict(
    model: Clip, saved: tuple[Path, dict[str, torch.Tensor]]
) -> None:
    reference = open_clip.model.build_model_from_openai_state_dict(dict(saved[1])).float()
    image = Image.effect_noise((300, 260), 90).convert("RGB")
    images = model.preprocess(image)[None]
    with torch.no_grad():
        torch.testing.assert_close(
            model.encode_image(images), reference.encode_image(images), atol=1e-5, rtol=1e-5
        )
        tokens = open_clip.tokenize(["a photo of a dog"])
        torch.testing.assert_close(
            model.encode_text(["a photo of a dog"]),
            reference.encode_text(tokens),
            atol=1e-5,
            rtol=1e-5,
        )


def test_it_runs_alike_while_it_is_recorded(model: Clip) -> None:
    images = torch.randn(2, 3, 224, 224, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        plain = model.encode_image(images)
    with model.record_attention([0, 11]) as recorded:
        found = model.encode_image(images)
    torch.testing.assert_close(found, plain, atol=1e-5, rtol=1e-5)
    assert {value.shape for value in recorded.values()} == {(2, 12, 197, 197)}
