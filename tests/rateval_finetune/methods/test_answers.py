"""Models that answer by texts, as they are and trained on the answers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

import rateval
from rateval.api import RatevalError
from rateval.testing import RecordingLogbook

SIZE = {
    "image_size": 32, "patch_size": 16, "width": 32, "depth": 1, "heads": 2,
    "text_width": 32, "text_layers": 1, "text_heads": 2, "text_intermediate": 64,
    "max_positions": 24,
}  # fmt: skip
WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]


@pytest.fixture(scope="module")
def data() -> Any:
    return rateval.create("dataset", "shapes-vqa", train_size=48, test_size=8)


@pytest.fixture
def model(tmp_path: Path) -> Any:
    from rateval_shapes.questions.words import vocabulary

    words = [*WORDS, *vocabulary()]
    (tmp_path / "vocab.txt").write_text("\n".join(words) + "\n")
    size = SIZE | {"vocabulary_size": len(words) + 2}
    given: Any = {"size": size, "vocabulary": str(tmp_path / "vocab.txt"), "max_new_tokens": 3}
    return rateval.create("model", "blip-vqa", pretrained="random", **given)


def score(answerer: Any, data: Any) -> torch.Tensor:
    samples = data.test.samples(range(8))
    images = torch.stack([answerer.model.preprocess(sample.image) for sample in samples])
    questions = [sample.asked.question for sample in samples]
    answers = [sample.asked.answers[0] for sample in samples]
    found: torch.Tensor = answerer.model.score(images, questions, answers).log_probabilities
    return found.detach().sum(dim=1)


def fit(name: str, model: Any, data: Any, **params: Any) -> tuple[Any, Any, RecordingLogbook]:
    logbook, finetuner = RecordingLogbook(), rateval.create("finetuner", name, **params)
    return finetuner, finetuner.fit(model, data.train, data.classes, logbook), logbook


def test_zero_shot_is_the_model(model: Any, data: Any) -> None:
    finetuner, answerer, _ = fit("zs", model, data)
    assert answerer.model is model
    assert answerer.state() == {}
    assert answerer.decision is None
    assert finetuner.restore(model, data.classes, {}).model is model
    assert not any(weight.requires_grad for weight in model.module.parameters())


@pytest.mark.parametrize("name", ["ft", "lora"])
def test_answers_become_likelier_and_the_state_restores_them(
    name: str, model: Any, data: Any
) -> None:
    import copy

    other = copy.deepcopy(model)
    before = score(rateval.create("finetuner", "zs").restore(model, data.classes, {}), data)
    vision = copy.deepcopy(model.module.vision_model.state_dict())
    finetuner, answerer, logbook = fit(name, model, data, epochs=3, lr=3e-3, batch_size=8)
    losses = [epoch.loss for epoch in logbook.epochs]
    assert losses == sorted(losses, reverse=True)
    assert all(epoch.accuracy is None for epoch in logbook.epochs)
    after = score(answerer, data)
    assert after.mean() > before.mean() + 1
    kept = all(
        torch.equal(weight, vision[key])
        for key, weight in model.module.vision_model.state_dict().items()
    )
    assert kept is (name == "lora")
    assert not any(weight.requires_grad for weight in model.module.parameters())
    again = finetuner.restore(other, data.classes, answerer.state())
    torch.testing.assert_close(score(again, data), after, atol=1e-6, rtol=0)


def test_a_head_has_no_rate_here(model: Any, data: Any) -> None:
    with pytest.raises(RatevalError, match=r"head_lr = 0\.1: a model that answers by texts has no"):
        fit("ft", model, data, head_lr=0.1)


def test_samples_must_ask(model: Any) -> None:
    shapes = rateval.create("dataset", "shapes", train_size=8)
    with pytest.raises(RatevalError, match="samples without a question"):
        fit("ft", model, shapes, epochs=1)


def test_a_state_of_another_model_is_refused(model: Any, data: Any) -> None:
    finetuner = rateval.create("finetuner", "ft")
    with pytest.raises(RatevalError):
        finetuner.restore(model, data.classes, {"model.nothing": torch.zeros(1)})
