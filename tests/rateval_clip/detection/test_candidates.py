"""open_clip's architectures are told from one another by names and shapes alone."""

from __future__ import annotations

import copy
from pathlib import Path

import open_clip
import pytest
import torch
from safetensors.torch import save_file

from rateval.modelkit import Clues
from rateval_clip.detection import detect
from rateval_clip.detection.candidates import find_candidates
from rateval_clip.detection.guess import guess_model
from rateval_clip.detection.told import tell

State = dict[str, torch.Tensor]


def shapes_of(name: str) -> State:
    """Weights of an architecture without any memory behind them."""
    config = copy.deepcopy(open_clip.get_model_config(name))
    config["vision_cfg"].pop("timm_model_pretrained", None)
    kind = open_clip.CustomTextCLIP if config.pop("custom_text", False) else open_clip.CLIP
    with torch.device("meta"):
        state: State = kind(**config).state_dict()
    return {key: torch.zeros(()).expand(tensor.shape) for key, tensor in state.items()}


@pytest.mark.parametrize(
    "name",
    [
        *("ViT-B-32", "ViT-B-32-256", "ViT-B-16", "ViT-B-16-plus-240", "ViT-L-14", "ViT-L-14-336"),
        *("ViT-H-14", "ViT-bigG-14", "ViT-L-14-CLIPA", "ViT-S-32-alt", "EVA02-B-16"),
        "ViT-B-16-SigLIP",
    ],
)
def test_architectures_by_shape(name: str) -> None:
    told = tell({f"model._orig_mod.{key}": value for key, value in shapes_of(name).items()})
    assert told is not None
    found = [one.architecture for one in find_candidates(told, None)]
    twin = f"{name}-quickgelu"
    assert found == [name, *([twin] if twin in open_clip.list_models() else [])]


def test_a_tower_alone_fits_by_its_own_sizes() -> None:
    whole = shapes_of("ViT-B-16")
    tower = {k.removeprefix("visual."): v for k, v in whole.items() if k.startswith("visual.")}
    told = tell(tower | {"fc.weight": torch.zeros(3, 512)})
    assert told is not None
    assert (told.kind, told.beside) == ("tower", ("fc.weight",))
    assert "ViT-B-16" in [one.architecture for one in find_candidates(told, None)]


def test_the_activation_is_asked_about_and_chosen_with_a_reason() -> None:
    told = tell(shapes_of("ViT-B-32"))
    assert told is not None
    guess = guess_model(Clues(checkpoint=Path("a.pt"), file=Path("a.pt")), told)
    assert guess.params["architecture"] == "ViT-B-32"
    assert any("GELU is taken, as ViT-B-32 computes it" in text for text in guess.unknown)
    half = {k: v.half() if k.endswith("c_fc.weight") else v for k, v in told.weights.items()}
    mixed = tell(half)
    assert mixed is not None
    guess = guess_model(Clues(checkpoint=Path("a.pt"), file=Path("a.pt")), mixed)
    assert guess.params["architecture"] == "ViT-B-32-quickgelu"
    assert any("half and single precision mixed" in text for text in guess.unknown)


def test_a_config_beside_the_weights_says_the_activation(tmp_path: Path) -> None:
    weights = shapes_of("ViT-B-32")
    config = '{"model_cfg": {"embed_dim": 512, "quick_gelu": true, "vision_cfg": '
    config += '{"image_size": 224, "layers": 12, "width": 768, "patch_size": 32}, "text_cfg": '
    config += '{"context_length": 77, "vocab_size": 49408, "width": 512, "heads": 8, '
    config += '"layers": 12}}}'
    (tmp_path / "open_clip_config.json").write_text(config)
    told = tell(weights)
    assert told is not None
    guess = guess_model(Clues(checkpoint=tmp_path, file=tmp_path / "a.pt"), told)
    assert guess.params["architecture"] == str(tmp_path)
    assert not any("activation" in text for text in guess.unknown)


@pytest.mark.parametrize(
    ("name", "lacks"),
    [("RN50", "ResNet, which has no self-attention"), ("", "no architecture of open_clip's")],
)
def test_what_cannot_run_says_why(name: str, lacks: str) -> None:
    if name:
        weights = shapes_of(name)
    else:
        weights = shapes_of("ViT-B-32")
        weights["visual.proj"] = torch.zeros(768, 999)
    guess = detect(Clues(checkpoint=Path("a.pt"), file=Path("a.pt"), weights=weights))
    assert guess is not None
    assert lacks in guess.lacks


def test_a_base_that_was_fetched_is_found(tmp_path: Path) -> None:
    generator = torch.Generator().manual_seed(0)
    keys = ("visual.conv1.weight", "visual.proj", "text_projection")
    before = {key: value.clone() for key, value in shapes_of("ViT-S-32-alt").items()}
    for key in keys:
        before[key] = torch.randn(before[key].shape, generator=generator)
    (tmp_path / "fetched").mkdir()
    save_file(before, tmp_path / "fetched" / "base.safetensors")
    after = before | {key: before[key] * 1.1 for key in keys}
    clues = Clues(
        checkpoint=Path("a.pt"), file=Path("a.pt"), weights=after, downloads=tmp_path / "fetched"
    )
    guess = detect(clues)
    assert guess is not None
    assert guess.params["architecture"] == "ViT-S-32-alt"
    assert guess.params["pretrained"] == str(tmp_path / "fetched" / "base.safetensors")
    assert "9 % away" in guess.why  # 0.1 of 1.1
    assert guess.pristine
