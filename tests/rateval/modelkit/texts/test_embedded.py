"""Prompts are embedded once for copies of a model that leave its text tower alone."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch

import rateval
from rateval.modelkit import embed_once
from rateval.modelkit.texts.embedded import copy_sharing_texts
from rateval.records.run import RunRecord
from rateval.testing import TinyModel, tiny_model

PROMPTS = [["a photo of a cat", "one cat"], ["a photo of a dog"]]


class Asking:
    """What embeds prompts, and counts how often it does."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(
        self, model: Any, prompts: Sequence[Sequence[str]] = PROMPTS, how: str = "first"
    ) -> torch.Tensor:
        def embed() -> torch.Tensor:
            self.count += 1
            embedded: torch.Tensor = model.encode_text([of_class[0] for of_class in prompts])
            return embedded

        return embed_once(model, prompts, how, embed)


@pytest.fixture
def ask() -> Asking:
    return Asking()


def fresh(model: TinyModel) -> torch.Tensor:
    return model.encode_text([of_class[0] for of_class in PROMPTS])


def test_copies_of_one_model_embed_once(ask: Asking) -> None:
    model = tiny_model()
    for _ in range(3):
        copied = copy_sharing_texts(model)
        assert ask(copied).equal(fresh(tiny_model()))
        assert ask(copy.deepcopy(copied)).equal(fresh(tiny_model()))
    assert ask.count == 1


def test_who_gets_embeddings_may_change_them(ask: Asking) -> None:
    model = tiny_model()
    for _ in range(3):
        ask(copy_sharing_texts(model)).zero_()
    assert ask(copy_sharing_texts(model)).equal(fresh(model))
    assert ask.count == 1


def test_another_image_tower_does_not_matter(ask: Asking) -> None:
    model = tiny_model()
    ask(copy_sharing_texts(model))
    copied: Any = copy_sharing_texts(model)
    with torch.no_grad():
        for weight in copied.image_tower.parameters():
            weight.add_(1)
    assert ask(copied).equal(fresh(model))
    assert ask.count == 1


def add_little(model: Any) -> None:
    weight = next(model.text_tower.parameters())
    with torch.no_grad():
        weight.view(-1)[-1] = torch.nextafter(weight.view(-1)[-1], torch.tensor(9.0))


def in_training(model: Any) -> None:
    model.text_tower.train()


def in_double(model: Any) -> None:
    model.text_tower.double()


def with_hook(model: Any) -> None:
    model.text_tower.register_forward_hook(lambda part, given, made: made * 2)


def with_forward(model: Any) -> None:
    forward = model.text_tower.forward
    model.text_tower.forward = lambda ids: forward(ids) * 2


def with_more(model: Any) -> None:
    model.module["adapter"] = torch.nn.Linear(2, 2).eval()


def shared_with_images(model: Any) -> None:
    # The image tower has a tensor of the text tower, and both have another value of it.
    model.image_tower.tied = next(model.text_tower.parameters())
    add_little(model)


@pytest.mark.parametrize(
    "change",
    [
        add_little,
        in_training,
        in_double,
        with_hook,
        with_forward,
        with_more,
        shared_with_images,
    ],
)
def test_a_text_tower_that_was_changed_embeds_by_itself(
    ask: Asking, change: Callable[[Any], None]
) -> None:
    model = tiny_model()
    ask(copy_sharing_texts(model))
    for expected in (2, 3):  # nor does it leave anything for others
        copied: Any = copy_sharing_texts(model)
        change(copied)
        assert ask(copied).equal(fresh(copied))
        assert ask.count == expected
    assert ask(copy_sharing_texts(model)).equal(fresh(model))
    assert ask.count == 3


def test_a_text_tower_that_runs_the_image_tower_embeds_by_itself(ask: Asking) -> None:
    class OneTower(TinyModel):
        def encode_text(self, prompts: Sequence[str] | torch.Tensor) -> torch.Tensor:
            return super().encode_text(prompts) + self.encode_image(torch.ones(1, 3, 24, 32))

    model = OneTower()
    for count in (1, 2):
        copied = copy_sharing_texts(model)
        with torch.no_grad():
            for weight in copied.image_tower.parameters():
                weight.add_(count)
        assert ask(copied).equal(fresh(copied))  # type: ignore[arg-type]
        assert ask.count == count


def test_other_prompts_and_other_ways_are_embedded(ask: Asking) -> None:
    model = tiny_model()
    ask(copy_sharing_texts(model))
    ask(copy_sharing_texts(model), PROMPTS[::-1])
    ask(copy_sharing_texts(model), how="otherwise")
    with torch.autocast("cpu", torch.bfloat16):
        ask(copy_sharing_texts(model))
    assert ask.count == 4
    ask(copy_sharing_texts(model), PROMPTS[::-1])
    assert ask.count == 4


def test_nothing_is_shared_with_other_models_or_other_processes(ask: Asking) -> None:
    model = tiny_model()
    ask(copy_sharing_texts(model))
    ask(tiny_model())
    ask(copy_sharing_texts(tiny_model()))
    ask(pickle.loads(pickle.dumps(copy_sharing_texts(model))))
    assert ask.count == 4
    assert (
        copy_sharing_texts(model).module.state_dict().keys()
        == tiny_model().module.state_dict().keys()
    )


def study(output: str, *names: str) -> RunRecord:
    trained = {"epochs": 1, "batch_size": 8}
    return rateval.run(
        {
            "study": {"name": "texts"},
            "dataset": [{"use": "squares"}, {"use": "squares", "name": "more", "test": 13}],
            "model": [{"use": "tiny"}],
            "finetune": [{"use": name} | ({} if name == "zs" else trained) for name in names],
            "attribution": [{"use": "center-prior"}],
            "run": {"device": "cpu", "batch_size": 8, "output": output},
        }
    )


@pytest.fixture
def embedded(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, acme: Path) -> list[int]:
    """Return a list of how many prompts the text tower was given, call by call."""
    monkeypatch.chdir(tmp_path)
    calls: list[int] = []
    encode = TinyModel.encode_text

    def counting(self: TinyModel, prompts: Sequence[str] | torch.Tensor) -> torch.Tensor:
        calls.append(len(prompts))
        return encode(self, prompts)

    monkeypatch.setattr(TinyModel, "encode_text", counting)
    return calls


def test_a_study_runs_a_text_tower_once_for_all_methods_and_datasets(embedded: list[int]) -> None:
    record = study("all", "zs", "wise-ft", "lp", "ft")
    assert record.status == "finished", record.failures
    assert len(record.cells) == 8
    assert len(embedded) == 1


def test_methods_give_the_same_beside_others_and_alone(embedded: list[int]) -> None:
    together = study("all", "zs", "wise-ft", "flcp")
    beside = {cell.key: cell for cell in together.cells}
    shared = len(embedded)
    for name in ("zs", "wise-ft", "flcp"):
        alone = study(name, name)
        assert len(alone.cells) == 2
        for cell in alone.cells:
            assert alone.rows(cell).equals(together.rows(beside[cell.key]))
    # The text tower that flcp trains embeds as often as it does alone: only two runs shared one.
    assert len(embedded) - shared == shared + 1
    kept = [
        safetensors.torch.load_file(path)["classes"]
        for path in Path("all/store/finetune").glob("*/kept.safetensors")
    ]
    assert len({tuple(classes.flatten().tolist()) for classes in kept}) > 1
