from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import peft
import pytest
import torch
import torch.nn.functional as F
from PIL import Image
from torch import nn

from rateval.api import Classifier, Context, Finetuner, Model, Sample
from rateval.facade import create
from rateval.testing import RecordingLogbook, TinyModel, tiny_model
from rateval_finetune.methods.lora import make_lora
from rateval_finetune.methods.low_rank import LowRankObjective, linear_weights
from rateval_finetune.params import LoraParams
from rateval_finetune.training.linear_head import HeadClassifier, new_head
from rateval_finetune.training.objectives import HeadObjective

Make = Callable[..., Any]
Fit = Callable[..., dict[str, torch.Tensor]]
Images = Callable[[TinyModel], torch.Tensor]
OWN: dict[str, Any] = {
    "image_size": 32,
    "layers": 2,
    "width": 64,
    "head_width": 32,
    "patch_size": 16,
}
TEXT = {"context_length": 77, "vocab_size": 49408, "width": 32, "heads": 1, "layers": 1}
TIMM = {"timm_model_name": "test_vit3", "timm_pool": "map", "timm_proj": "linear"}
TOWERS: dict[str, dict[str, Any]] = {
    "nn.MultiheadAttention": OWN,
    "open_clip's Attention": OWN | {"qk_norm": True, "scale_fc": True},
    "timm": TIMM | {"image_size": 160},
}
# Of a block attention's input and output, and the perceptron's two layers; timm's tower has nine
# blocks, another such perceptron in its pool, which holds q apart from kv, and a projection.
ADAPTED = {"nn.MultiheadAttention": 8, "open_clip's Attention": 8, "timm": 42}


def make_tower(name: str) -> Model:
    config = {
        "embed_dim": 64,
        "vision_cfg": TOWERS[name],
        "text_cfg": TEXT,
        "custom_text": True,
    }
    model: Model = create("model", "clip", architecture=config, pretrained="random")
    return model


class Noise:
    """Random pictures of any size, each of a class of its own."""

    identity = "noise"

    def __len__(self) -> int:
        return 4

    def samples(self, indices: Any) -> list[Sample]:
        found = []
        for index in indices:
            draw = np.random.default_rng(index)
            pixels = draw.integers(0, 256, (40, 48, 3), dtype=np.uint8)
            found.append(Sample(str(index), Image.fromarray(pixels), index % 2, None))
        return found


class Attentive(RecordingLogbook):
    """Record attention while it examines, as an attribution does."""

    def __init__(self, model: Model) -> None:
        super().__init__([{"accuracy": 0.5}] * 9)
        self.model = model
        self.classes = kinds(model)
        self.seen: list[torch.Tensor] = []

    def examine(self, classifier: Classifier) -> Any:
        assert kinds(self.model) == self.classes
        assert not any(part.training for part in self.model.module.modules())
        height, width = self.model.card.image_size
        with self.model.record_attention(range(self.model.depth)) as recorded:
            logits = classifier.logits(torch.ones(1, 3, height, width))
        with torch.no_grad():
            torch.testing.assert_close(logits, classifier.logits(torch.ones(1, 3, height, width)))
        first, *_ = torch.autograd.grad(logits[0, 0], list(recorded.values()))
        assert first.abs().max() > 0
        self.seen.append(logits.detach().clone())
        return super().examine(classifier)


def kinds(model: Model) -> list[tuple[str, type]]:
    return [(name, type(part)) for name, part in model.module.named_modules()]


@pytest.mark.parametrize("name", TOWERS)
def test_towers_keep_their_classes_and_change_their_weights(name: str) -> None:
    model = make_tower(name)
    before = {key: value.clone() for key, value in model.module.state_dict().items()}
    classes, keys = kinds(model), list(model.module.state_dict())
    lora: Finetuner = make_lora(LoraParams(epochs=3, batch_size=2, lr=1e-2), Context())
    logbook = Attentive(model)
    classifier = lora.fit(model, Noise(), ("one", "other"), logbook)
    assert kinds(model) == classes
    assert list(model.module.state_dict()) == keys
    changed = {
        key for key, value in model.module.state_dict().items() if not value.equal(before[key])
    }
    adapted = {f"{path}" for path, _ in linear_weights(model.image_tower, "")}
    towers = {key.split("visual.", 1)[1] for key in changed}
    assert towers <= adapted
    assert len(towers) >= len(adapted) - 1  # features may leave out a projection
    assert len(adapted) == ADAPTED[name]
    assert len(logbook.seen) == 3
    assert not logbook.seen[0].equal(logbook.seen[1])
    ones = torch.ones(1, 3, *model.card.image_size)
    with torch.no_grad():
        logits = classifier.logits(ones)
        torch.testing.assert_close(logits, logbook.seen[-1])  # which was computed in plain steps
        restored = lora.restore(make_tower(name), ("one", "other"), classifier.state())
        assert restored.logits(ones).equal(logits)


def test_transformers_towers_are_known_too() -> None:
    from transformers import CLIPVisionConfig, CLIPVisionModel

    config = CLIPVisionConfig(
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=1,
        num_attention_heads=2,
        image_size=32,
        patch_size=16,
    )
    names = {name.rsplit(".", 2)[1] for name, _ in linear_weights(CLIPVisionModel(config), "")}
    assert names == {"q_proj", "k_proj", "v_proj", "out_proj", "fc1", "fc2"}


def test_an_update_has_its_rank(make: Make, fit: Fit) -> None:
    before = dict(linear_weights(tiny_model().image_tower, "image_tower."))
    state = fit(make("lora", rank=2, lr=1e-2, epochs=4))
    for name, weight in before.items():
        if "projection" not in name:
            values = torch.linalg.svdvals((state[name] - weight).double())
            assert values[1] > 1e-4
            assert values[2] < 1e-6


def test_the_first_update_is_none(make: Make, fit: Fit, images: Images) -> None:
    """Before the first step it is the model as it came."""
    model = tiny_model()
    head = new_head(24, 3, torch.Generator().manual_seed(0), "cpu", torch.float32)
    objective = HeadObjective(HeadClassifier(model, head))
    updated: Any = LowRankObjective(objective, 4, 8.0, seed=0)
    batch = (images(model), torch.zeros(12, dtype=torch.int64), torch.ones(12), None)
    assert updated(*batch)[0].equal(objective(*batch)[0])
    down, other = updated.updates[0].down, updated.updates[1].down
    assert not down.equal(other)
    again: Any = LowRankObjective(objective, 4, 8.0, seed=0)
    assert again.updates[0].down.equal(down)
    other_seed: Any = LowRankObjective(objective, 4, 8.0, seed=1)
    assert not other_seed.updates[0].down.equal(down)


def test_the_scale_is_over_the_rank(images: Images) -> None:
    model = tiny_model()
    head = new_head(24, 3, torch.Generator().manual_seed(0), "cpu", torch.float32)
    updated: Any = LowRankObjective(HeadObjective(HeadClassifier(model, head)), 4, 8.0, seed=0)
    first = {name: w.detach().clone() for name, w in linear_weights(model.image_tower, "")}
    with torch.no_grad():
        for update in updated.updates:
            update.up.normal_(generator=torch.Generator().manual_seed(1))
    batch = (images(model), torch.zeros(12, dtype=torch.int64), torch.ones(12), None)
    attached = updated(*batch)[0]
    updated.merge()
    merged = dict(linear_weights(model.image_tower, ""))
    for update, (name, before) in zip(updated.updates, first.items(), strict=True):
        expected = before.double() + 2 * update.up.double() @ update.down.double()
        torch.testing.assert_close(merged[name].double(), expected, rtol=0, atol=1e-5)
    plain = updated.objective(*batch)[0]
    assert plain.equal(attached)
    # Merged once more, nothing is added twice.
    updated.merge()
    assert updated.objective(*batch)[0].equal(plain)
    assert updated(*batch)[0].equal(plain)


def test_it_trains_as_peft_does(pictures: Callable[..., Any]) -> None:
    """peft as an oracle, from the same first updates, on a tower of plain linear layers."""
    ours = tiny_model()
    theirs = copy.deepcopy(ours)
    head = new_head(24, 3, torch.Generator().manual_seed(0), "cpu", torch.float32)
    their_head = copy.deepcopy(head)
    updated: Any = LowRankObjective(HeadObjective(HeadClassifier(ours, head)), 4, 8.0, seed=3)
    names = [name.removesuffix(".weight") for name, _ in linear_weights(ours.image_tower, "")]
    config = peft.LoraConfig(r=4, lora_alpha=8, target_modules=names)
    peft.inject_adapter_in_model(config, theirs.tower)
    for name, update in zip(names, updated.updates, strict=True):
        layer: Any = theirs.tower.get_submodule(name)
        layer.lora_A["default"].weight.data = update.down.detach().clone()
    trained = [w for w in theirs.tower.parameters() if w.requires_grad]
    assert len(trained) == 2 * len(names) == 26
    images, labels = pictures(ours)

    def our_loss() -> Any:
        return updated(images, labels, torch.ones(26), None)[0] / 26

    def their_loss() -> torch.Tensor:
        return F.cross_entropy(their_head(theirs.features(images)), labels)

    one = descend([*updated.updates.parameters(), *head.parameters()], our_loss)
    other = descend([*trained, *their_head.parameters()], their_loss)
    assert one == pytest.approx(other, rel=1e-3)
    assert one[-1] < one[0] / 2


def descend(weights: list[nn.Parameter], loss_of: Callable[[], Any]) -> list[float]:
    optimizer, losses = torch.optim.Adam(weights, 1e-2), []
    for _ in range(8):
        loss = loss_of()
        losses.append(loss.item())
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    return losses
