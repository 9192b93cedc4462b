"""Scores, ranks and answers: each of its own image, question and answer alone."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch

from rateval.api import RatevalError
from rateval_finetune.methods.low_rank import linear_weights

LONG = "is a dog near the cat, or a red cat near the dog on the left?"


def test_a_batch_is_its_members(case: Any, images: Any, questions: Any, answers: Any) -> None:
    model = case.make()
    given = images(model)
    asked = (questions[0], questions[1], LONG)
    with torch.no_grad():
        whole = model.score(given, asked, answers).log_probabilities
        for row in range(3):
            own = model.score(given[row : row + 1], asked[row : row + 1], answers[row : row + 1])
            count = len(own.spans[0])
            assert float((own.log_probabilities[0] - whole[row, :count]).abs().max()) <= 1e-4
            assert not whole[row, count:].any()
        together = model.generate(given, asked)
        for row in range(3):
            (alone,) = model.generate(given[row : row + 1], asked[row : row + 1])
            assert alone.text == together[row].text
            assert alone.likelihood == pytest.approx(together[row].likelihood, abs=1e-3)


def test_ranks_are_scores(case: Any, images: Any, questions: Any) -> None:
    model = case.make()
    candidates = ("cat", "a red dog", "red", "dog near cat", *(f"{a} cat" for a in "abcdefghijk"))
    ranked = model.rank(images(model), questions, candidates)
    assert ranked.shape == (3, 15)
    assert ranked.dtype == torch.float32
    assert not ranked.requires_grad
    for column, candidate in enumerate(candidates[:5]):
        with torch.no_grad():
            scores = model.score(images(model), questions, [candidate] * 3)
        expected = scores.log_probabilities.sum(dim=1)
        assert float((ranked[:, column] - expected).abs().max()) <= 1e-4


def test_answers_hang_on_image_and_question(case: Any, images: Any, answers: Any) -> None:
    model = case.make()
    given = images(model)[:1].repeat(2, 1, 1, 1)
    with torch.no_grad():
        by_question = model.score(given, ("red?", "a cat?"), ("dog", "dog")).log_probabilities
        other = model.score(images(model)[:2], ("red?", "red?"), ("dog", "dog")).log_probabilities
    assert float((by_question[0] - by_question[1]).abs().max()) > 1e-3
    assert float((other[0] - other[1]).abs().max()) > 1e-4


def test_likelihoods_are_the_scores_of_the_texts(case: Any, images: Any, questions: Any) -> None:
    model = case.make(max_new_tokens=5)
    found = model.generate(images(model), questions)
    texts = [answer.text for answer in found]
    with torch.no_grad():
        sums = model.score(images(model), questions, texts).log_probabilities.sum(dim=1)
    assert [answer.likelihood for answer in found] == pytest.approx(sums.tolist(), abs=1e-4)


def test_spans_are_of_the_answer(case: Any, images: Any, questions: Any) -> None:
    model = case.make()
    scores = model.score(images(model), questions, ("a red dog", "cat", ""))
    said = ["a red dog", "cat", ""]
    for text, spans in zip(said, scores.spans, strict=True):
        assert spans[-1] == (len(text), len(text))
        pieces = [text[start:stop].strip() for start, stop in spans[:-1]]
        assert [piece for piece in pieces if piece] == text.split()
    assert len(scores.spans[2]) == 1


def test_gradients_reach_images_and_every_part(
    case: Any, images: Any, questions: Any, answers: Any
) -> None:
    model = case.make()
    given = images(model).requires_grad_()
    model.score(given, questions, answers).log_probabilities.sum().backward()
    assert given.grad is not None
    assert bool((given.grad.abs().sum(dim=(1, 2, 3)) > 0).all())
    for watched in (model._vision[0], model._text[0]):
        assert all(
            weight.grad is not None and bool(weight.grad.any())
            for name, weight in watched.layer.named_parameters()
            if name.endswith("weight")
        )
    head = model.module.lm_head.weight.grad
    assert head is not None
    assert bool(head.any())


def test_an_even_grey_image_is_an_image(case: Any, questions: Any, answers: Any) -> None:
    model = case.make()
    blank = torch.zeros(3, 3, *model.card.image_size)
    with torch.no_grad():
        scores = model.score(blank, questions, answers).log_probabilities
    assert bool(scores.isfinite().all())
    assert len(model.generate(blank, questions)) == 3


def test_a_copy_is_a_model_of_its_own(case: Any, images: Any, questions: Any, answers: Any) -> None:
    model = case.make()
    before = model.score(images(model), questions, answers).log_probabilities.detach()
    twin = copy.deepcopy(model)
    with torch.no_grad():
        for weight in twin.language.parameters():
            weight.add_(0.1)
    moved = twin.score(images(model), questions, answers).log_probabilities.detach()
    again = model.score(images(model), questions, answers).log_probabilities.detach()
    assert torch.equal(before, again)
    assert float((moved - before).abs().max()) > 1e-3


def test_language_is_what_reads_and_writes(case: Any) -> None:
    model = case.make()
    names = {id(weight) for weight in model.language.parameters()}
    seen = {id(weight) for one in model._vision for weight in one.layer.parameters()}
    heard = {id(weight) for one in model._text for weight in one.layer.parameters()}
    assert heard < names
    assert id(model.module.lm_head.weight) in names
    assert not seen & names
    assert not model.language.training
    assert len(list(linear_weights(model.language, ""))) == 2 * 7 + 1


def test_the_card_says_what_it_is(case: Any) -> None:
    card = case.make().card
    side = case.params.get("image_size", 32)
    assert card.image_size == (side, side)
    assert card.mean == (0.4, 0.5, 0.6)
    assert card.std == (0.2, 0.3, 0.25)
    assert card.checkpoint.endswith("model.safetensors")
    assert case.kind.split("-")[0] in card.architecture
    assert card.keys_used > 20


def test_a_caption_is_asked_for_where_nothing_is(one: Any, images: Any) -> None:
    model = one("smolvlm").make(caption="red?", instruction="{question}")
    captions = model.generate(images(model), ("",) * 3)
    assert captions == model.generate(images(model), ("red?",) * 3)


@pytest.mark.parametrize("question", ["", "  "])
def test_an_empty_question_is_refused(one: Any, images: Any, question: str) -> None:
    model = one("llava").make(caption="" if not question else "red?")
    with pytest.raises(RatevalError, match=r"question = '.*': holds no word; ask one"):
        model.generate(images(model), (question,) * 3)


def test_lists_that_do_not_fit_are_refused(one: Any, images: Any, questions: Any) -> None:
    model = one("qwen2_vl").make()
    given = images(model)
    with pytest.raises(RatevalError, match="questions: 2 of them for 3 images"):
        model.generate(given, questions[:2])
    with pytest.raises(RatevalError, match="answers: a text for 3 images"):
        model.score(given, questions, "cat")
    with pytest.raises(RatevalError, match="no image is given"):
        model.generate(given[:0], ())
    with pytest.raises(RatevalError, match="candidates: there is none"):
        model.rank(given, questions, ())
    with pytest.raises(RatevalError, match=r"images of \(3, 8, 8\); they must be \(3, 64, 64\)"):
        model.generate(given[..., :8, :8], questions)
    with pytest.raises(RatevalError, match=r"tokens, and .* has 512 positions; shorten it"):
        model.score(given, questions, ("cat " * 500,) * 3)
    with pytest.raises(RatevalError, match=r"question = 'a <\|image_pad\|>': holds <\|image_pad"):
        model.generate(given[:1], ("a <|image_pad|>",))
    with pytest.raises(RatevalError, match=r"answer = '<\|image_pad\|>': holds"):
        model.score(given[:1], ("red?",), ("<|image_pad|>",))
