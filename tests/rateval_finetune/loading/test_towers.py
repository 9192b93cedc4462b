"""An image tower that was fine-tuned alone, under a head."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from rateval.api import Classifier, Context, Model, RatevalError
from rateval.testing import RecordingLogbook, TinyModel, check_finetuner, tiny_dataset, tiny_model
from rateval_clip.model import make_clip
from rateval_clip.params import ClipParams
from rateval_finetune.methods.checkpoint import make_checkpoint
from rateval_finetune.params import CheckpointParams

Images = Callable[[TinyModel], torch.Tensor]
CLASSES = tiny_dataset().classes


class Fine(nn.Module):
    """An image tower and a head, as people write it."""

    def __init__(self, tower: nn.Module, head: nn.Module, names: tuple[str, str]) -> None:
        super().__init__()
        self.add_module(names[0], tower)
        self.add_module(names[1], head)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "mine.pt"


def load(path: Path, model: Model | None = None, **params: Any) -> Classifier:
    loader = make_checkpoint(CheckpointParams(path=path, **params), Context())
    return loader.fit(model or tiny_model(), None, CLASSES, RecordingLogbook())


@pytest.mark.parametrize(
    "names", [("backbone", "fc"), ("encoder", "head"), ("image", "classifier")]
)
@pytest.mark.parametrize("bias", [True, False])
def test_tower_and_head_decide_and_the_text_tower_stays(
    names: tuple[str, str], bias: bool, path: Path, images: Images
) -> None:
    tuned, base = tiny_model(seed=7), tiny_model()
    head = nn.Linear(24, 3, bias=bias)
    torch.save({"model": Fine(tuned.tower, head, names).state_dict(), "epoch": 1}, path)
    classifier = load(path)
    seen = images(tuned)
    assert classifier.logits(seen).equal(head(tuned.features(seen)))
    assert classifier.model.encode_text(["a", "b"]).equal(base.encode_text(["a", "b"]))
    card, count = classifier.model.card, len(tuned.tower.state_dict())
    assert card.keys_used == count
    assert any(
        said == f"image tower alone, {count} tensors; the text tower and all else are those of "
        "the base model (random weights)"
        for said in card.assumed
    )
    assert any("without a bias, which is 0" in said for said in card.assumed) == (not bias)
    assert any(f"linear head {names[1]}, taken" in said for said in card.assumed) == (
        names[1] != "head"
    )


def test_conformance(path: Path) -> None:
    state = Fine(tiny_model(seed=7).tower, nn.Linear(24, 3), ("backbone", "fc")).state_dict()
    torch.save(state, path)
    check_finetuner(make_checkpoint(CheckpointParams(path=path), Context()))


def test_a_bare_tower_with_its_head_apart(path: Path, images: Images) -> None:
    tuned, head = tiny_model(seed=7), nn.Linear(12, 3)
    torch.save(tuned.tower.state_dict(), path)
    apart = path.with_name("head.pt")
    torch.save({"state_dict": {"fc.weight": head.weight, "fc.bias": head.bias}}, apart)
    seen = images(tuned)
    classifier = load(path, head=apart, head_on="embedding")
    assert classifier.logits(seen).equal(head(F.normalize(tuned.encode_image(seen), dim=-1)))
    prompted = load(path)
    texts = prompted.model.encode_image(seen)
    assert texts.equal(tuned.encode_image(seen))


def clip(seed: int, *, equal: bool = False) -> Any:
    width = 32 if equal else 16
    config = {
        "embed_dim": 12,
        "vision_cfg": {"image_size": 32, "patch_size": 8, "width": 32, "head_width": 16}
        | {"layers": 2},
        "text_cfg": {"context_length": 8, "vocab_size": 20, "width": width, "heads": 2}
        | {"layers": 2},
    }
    return make_clip(ClipParams(architecture=config, pretrained="random"), Context(seed=seed))


@pytest.mark.parametrize("names", [("visual", "fc"), ("model", "linear"), ("encoder", "head")])
@pytest.mark.parametrize("equal", [False, True])
def test_a_tower_of_open_clip_whose_names_are_also_the_text_towers(
    names: tuple[str, str], equal: bool, path: Path
) -> None:
    tuned, base, head = clip(7, equal=equal), clip(0, equal=equal), nn.Linear(12, 3)
    torch.save(Fine(tuned.image_tower, head, names).state_dict(), path)
    classifier = load(path, clip(0, equal=equal))
    seen = torch.randn(4, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    ids = torch.tensor([[1, 2, 19, 0, 0, 0, 0, 0]])
    with torch.no_grad():  # with gradients torch computes attention by another kernel
        assert classifier.logits(seen).equal(head(tuned.features(seen)))
    assert classifier.model.encode_text(ids).equal(base.encode_text(ids))


def other_classes(tower: nn.Module) -> object:
    return Fine(tower, nn.Linear(24, 5), ("backbone", "fc")).state_dict()


def other_width(tower: nn.Module) -> object:
    return Fine(tower, nn.Linear(12, 3), ("backbone", "fc")).state_dict()


def two_heads(tower: nn.Module) -> object:
    state = Fine(tower, nn.Linear(24, 3), ("backbone", "fc")).state_dict()
    return state | {"head.weight": torch.zeros(2, 24), "head.bias": torch.zeros(2)}


def two_towers(tower: nn.Module) -> object:
    return Fine(tower, tiny_model(seed=8).tower, ("student", "teacher")).state_dict()


def half_a_text_tower(tower: nn.Module) -> object:
    text = {f"text.{k}": v for k, v in list(tiny_model().text_tower.state_dict().items())[:1]}
    return {f"image.{k}": v for k, v in tower.state_dict().items()} | text


def a_hole(tower: nn.Module) -> object:
    state = dict(Fine(tower, nn.Linear(24, 3), ("backbone", "fc")).state_dict())
    state.pop(next(key for key in state if key.startswith("backbone.")))
    return state


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (other_classes, r"head\.bias is \(5,\), needed is \(3,\).*the dataset has 3 classes"),
        (other_width, r"it takes 12 inputs, and the model's features are 24"),
        (two_heads, r"holds 2 linear heads, .*fc.*, and nothing says which one is meant"),
        (two_towers, r'holds this model\'s weights 2 times: behind "student\." and behind "teach'),
        (half_a_text_tower, r"the keys are not those of the tiny model: \d+ missing \(text\."),
        (a_hole, r"the keys are not those of the tiny model"),
    ],
)
def test_what_is_no_tower_with_a_head(
    make: Callable[[nn.Module], object], message: str, path: Path
) -> None:
    torch.save(make(tiny_model(seed=7).tower), path)
    with pytest.raises(RatevalError, match=message):
        load(path)


def test_a_head_whose_name_contradicts_head_on(path: Path) -> None:
    torch.save(
        tiny_model().module.state_dict() | {"embedding_head.weight": torch.zeros(3, 12)}, path
    )
    with pytest.raises(RatevalError, match=r'head_on = "features": the head of .* is called embed'):
        load(path, head_on="features")
