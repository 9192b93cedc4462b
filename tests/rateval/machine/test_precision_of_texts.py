"""Half precision of a model that answers by texts: what stays, what is rounded, and how far off."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch

import rateval
from rateval.api.tasks.texts import Answered
from rateval.errors import RatevalError
from rateval.machine.precision import in_precision

COUNT = 60


@pytest.fixture(scope="module")
def model() -> Any:
    return rateval.create("model", "blip-vqa")


@pytest.fixture(scope="module")
def asked(model: Any) -> Answered:
    dataset: Any = rateval.create("dataset", "shapes-vqa", test_size=COUNT, train_size=0)
    samples = dataset.test.samples(range(COUNT))
    images = torch.stack([model.preprocess(sample.image) for sample in samples])
    questions = tuple(sample.asked.question for sample in samples)
    answers = tuple(answer.text for answer in model.generate(images, questions))
    return Answered(images, questions, answers, tuple(map(str, range(COUNT))))


def bits(model: Any) -> list[torch.Tensor]:
    return [weight.detach().clone() for weight in model.module.parameters()]


def test_answers_and_scores_stay_close_and_the_weights_come_back(
    model: Any, asked: Answered
) -> None:
    given = asked.images, asked.questions
    candidates = ("red", "blue", "yes", "no", "2")
    with torch.no_grad():
        exact = model.score(*given, asked.answers).log_probabilities
        ranked = model.rank(*given, candidates)
    before = bits(model)
    with torch.no_grad(), in_precision(model, "bfloat16", "cpu"):
        assert not all(map(torch.equal, before, bits(model)))
        written = model.generate(*given)
        rounded = model.score(*given, asked.answers).log_probabilities
        again = model.rank(*given, candidates)
    assert all(map(torch.equal, before, bits(model)))
    assert not {"generate", "score", "rank"} & set(vars(model))
    same = [one.text == answer for one, answer in zip(written, asked.answers, strict=True)]
    assert sum(same) >= COUNT - 1
    assert 1e-3 < float((rounded - exact).abs().max()) < 0.15
    assert float((again - ranked).abs().max()) < 0.25
    assert {rounded.dtype, again.dtype} == {torch.float32}
    for answer, scores, alike in zip(written, rounded, same, strict=True):
        assert not alike or abs(answer.likelihood - float(scores.sum())) < 0.1


def test_what_scores_words_stays_exact(model: Any, asked: Answered) -> None:
    head = model.module.text_decoder.get_output_embeddings()
    seen: list[tuple[torch.Tensor, torch.Tensor]] = []
    hook = head.register_forward_hook(lambda _, inputs, output: seen.append((inputs[0], output)))
    with torch.no_grad(), in_precision(model, "bfloat16", "cpu"):
        model.score(asked.images[:4], asked.questions[:4], asked.answers[:4])
    hook.remove()
    ((states, scores),) = seen
    exact = states.double() @ head.weight.double().T + head.bias.double()
    assert scores.dtype == torch.float32
    assert torch.allclose(scores.double(), exact, atol=1e-4, rtol=0)


@pytest.mark.parametrize(
    ("name", "params"),
    [
        ("generic-attention", {}),
        ("cross-attention-grad-cam", {}),
        ("token-attention", {}),
        ("integrated-gradients", {"steps": 12}),
    ],
)
def test_maps_of_answers_stay_close(
    model: Any, asked: Answered, name: str, params: dict[str, Any]
) -> None:
    answerer: Any = SimpleNamespace(model=model)
    attribution: Any = rateval.create("attribution", name, **params)
    few = Answered(asked.images[:20], asked.questions[:20], asked.answers[:20], asked.ids[:20])
    exact = attribution.explain_answers(answerer, few).relevance
    with in_precision(model, "bfloat16", "cpu"):
        rounded = attribution.explain_answers(answerer, few).relevance
    assert rounded.dtype == torch.float32
    off = (rounded - exact).abs().amax((1, 2)) / exact.amax((1, 2))
    assert 0 < float(off.median()) < 0.06
    assert float(off.max()) < 0.25


def test_numbers_that_outgrow_the_format(model: Any, asked: Answered) -> None:
    bright = asked.images[:1] * 1e6
    with (
        torch.no_grad(),
        in_precision(model, "float16", "cpu"),
        pytest.raises(RatevalError, match=r'run.precision = "float16": the model .* use "float32"'),
    ):
        model.score(bright, asked.questions[:1], asked.answers[:1])
