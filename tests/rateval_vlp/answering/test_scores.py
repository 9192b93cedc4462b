"""Scores, ranks and what is generated equal an independent float64 computation."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch

END = 3


def _exact_scores(kind: Any, exact: Any, images: torch.Tensor, ids: Any) -> list[torch.Tensor]:
    rows = []
    for image, question, answer in zip(images, kind.question_ids, ids, strict=True):
        read = exact.read(image, question)
        given = [*kind.before, *answer[:-1]]
        after = exact.write(read, given, kind.of)[len(kind.before) - 1 :]
        rows.append(after[range(len(answer)), answer].detach())
    return rows


def test_scores_of_texts_of_several_lengths(
    kind: Any, exact: Any, images: torch.Tensor, answers: Any, answer_ids: Any
) -> None:
    model = kind.make()
    with torch.no_grad():
        found = model.score(images, kind.questions, answers)
    scores = found.log_probabilities
    assert scores.shape == (3, 6)
    assert scores.dtype == torch.float32
    for row, expected in zip(scores, _exact_scores(kind, exact, images, answer_ids), strict=True):
        count = len(expected)
        assert float((row[:count] - expected).abs().max()) <= 2e-5
        assert not row[count:].any()


def test_spans_are_characters_of_the_answer(kind: Any, images: torch.Tensor, answers: Any) -> None:
    spans = kind.make().score(images, kind.questions, answers).spans
    cut = [
        [answer[start:stop] for start, stop in row]
        for answer, row in zip(answers, spans, strict=True)
    ]
    assert cut == [["Two", "dog", ""], ["taxi", ""], ["a", "dog", "s", "'", "sea", ""]]
    assert [row[-1] for row in spans] == [(len(answer),) * 2 for answer in answers]


def test_the_sum_is_minus_what_the_models_own_loss_sums(
    kind: Any, images: torch.Tensor, answer_ids: Any, answers: Any
) -> None:
    model = kind.make()
    for index, ids in enumerate(answer_ids):
        asked, answer = kind.questions[index : index + 1], answers[index : index + 1]
        image = images[index : index + 1]
        given = torch.tensor([[*kind.before, *ids]])
        labels = given.clone()
        labels[:, : len(kind.before)] = -100
        with torch.no_grad():
            if kind.asks:
                question = torch.tensor([kind.question_ids[index]])
                loss = model.module(
                    pixel_values=image, input_ids=question, decoder_input_ids=given, labels=labels
                ).loss
            else:
                loss = model.module(pixel_values=image, input_ids=given, labels=labels).loss
            own = model.score(image, asked, answer).log_probabilities.sum()
        assert -float(own) == pytest.approx(float(loss) * len(ids), abs=2e-5)


def test_a_batch_is_as_each_alone(kind: Any, images: torch.Tensor, answers: Any) -> None:
    model = kind.make()
    together = model.score(images, kind.questions, answers).log_probabilities.detach()
    for index in range(3):
        one = slice(index, index + 1)
        alone = model.score(images[one], kind.questions[one], answers[one]).log_probabilities[0]
        assert float((together[index, : len(alone)] - alone.detach()).abs().max()) <= 1e-5


def test_another_question_or_image_gives_another_score(vqa: Any, images: torch.Tensor) -> None:
    model = vqa.make()
    asked = ("what is on the left?", "how many dogs?", "what is on the left?")
    with torch.no_grad():
        found = model.score(images[[0, 0, 1]], asked, ["taxi"] * 3).log_probabilities
    assert float((found[0] - found[1]).abs().max()) > 1e-3
    assert float((found[0] - found[2]).abs().max()) > 1e-3


@pytest.mark.parametrize("rows", [1, 4, 64])
def test_ranks_are_the_scores_of_each_candidate_alone(
    kind: Any, images: torch.Tensor, rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rateval_vlp.answering.model.WritingModel.rows", rows)
    model = kind.make()
    candidates = ["two", "a yellow taxi on the left", "dogs", "sea", "open sea"]
    found = model.rank(images, kind.questions, candidates)
    assert found.shape == (3, 5)
    assert found.dtype == torch.float32
    for column, candidate in enumerate(candidates):
        for row in range(3):
            one = slice(row, row + 1)
            alone = model.score(images[one], kind.questions[one], [candidate])
            off = found[row, column] - alone.log_probabilities.detach().sum()
            assert abs(float(off)) <= 1e-5


def test_image_and_question_are_read_once_for_all_candidates(
    kind: Any, images: torch.Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rateval_vlp.answering.model.WritingModel.rows", 3)
    model = kind.make()
    seen: list[int] = []
    model.module.vision_model.register_forward_hook(lambda *_: seen.append(1))
    model.rank(images, kind.questions, ["two", "sea", "dogs"])
    assert len(seen) == 1


def _greedy(kind: Any, exact: Any, image: torch.Tensor, question: Any, most: int) -> list[int]:
    read, ids = exact.read(image, question), list(kind.before)
    while len(ids) < len(kind.before) + most and ids[-1] != END:
        ids.append(int(exact.write(read, ids, kind.of)[-1].detach().argmax()))
    return ids[len(kind.before) :]


def test_what_is_generated_is_the_likeliest_word_after_each(
    kind: Any, exact: Any, images: torch.Tensor, words: tuple[str, ...]
) -> None:
    found = kind.make(max_new_tokens=6).generate(images, kind.questions)
    unwritten, ended = {0, 1, 2, 3, len(words), len(words) + 1}, set()
    for answer, image, question in zip(found, images, kind.question_ids, strict=True):
        ids = _greedy(kind, exact, image, question, most=6)
        ended.add(ids[-1] == END)
        pieces = [words[index] for index in ids if index not in unwritten]
        assert _letters(answer.text) == _letters("".join(pieces))
    assert ended == {True, False}
    assert len({answer.text for answer in found}) == 3


def _letters(text: str) -> str:
    return text.replace(" ", "").replace("##", "")


def test_likelihoods_are_the_scores_of_the_texts(kind: Any, images: torch.Tensor) -> None:
    model = kind.make(max_new_tokens=6)
    found = model.generate(images, kind.questions)
    scores = model.score(images, kind.questions, [answer.text for answer in found])
    expected = scores.log_probabilities.sum(dim=1).tolist()
    assert [answer.likelihood for answer in found] == pytest.approx(expected, abs=1e-5)


def test_an_answer_is_generated_as_alone_and_twice_alike(kind: Any, images: torch.Tensor) -> None:
    model = kind.make(max_new_tokens=6)
    together = model.generate(images, kind.questions)
    assert model.generate(images, kind.questions) == together
    for index, answer in enumerate(together):
        one = slice(index, index + 1)
        (alone,) = model.generate(images[one], kind.questions[one])
        assert alone.text == answer.text
        assert alone.likelihood == pytest.approx(answer.likelihood, abs=1e-5)


def test_gradients_flow_to_weights_and_images(
    kind: Any, images: torch.Tensor, answers: Any
) -> None:
    model = kind.make()
    images.requires_grad_()
    model.score(images, kind.questions, answers).log_probabilities.sum().backward()
    assert images.grad is not None
    assert images.grad.flatten(1).abs().sum(dim=1).min() > 0
    without = [name for name, weight in model.module.named_parameters() if weight.grad is None]
    assert without == []
    tower = model.module.vision_model.encoder.layers[0].self_attn.qkv.weight
    assert tower.grad.abs().sum() > 0


def test_language_is_the_parts_that_read_and_write(kind: Any) -> None:
    model = kind.make()
    inside = {id(weight) for weight in model.language.parameters()}
    outside = {id(weight) for weight in model.module.vision_model.parameters()}
    assert not inside & outside
    assert inside | outside == {id(weight) for weight in model.module.parameters()}
    assert not model.language.training


def test_a_deep_copy_is_a_model_of_its_own(kind: Any, images: torch.Tensor, answers: Any) -> None:
    model = kind.make()
    before = model.score(images, kind.questions, answers).log_probabilities.detach()
    twin = copy.deepcopy(model)
    with torch.no_grad():
        for weight in twin.language.parameters():
            weight.mul_(1.1)
    assert torch.equal(model.score(images, kind.questions, answers).log_probabilities, before)
    changed = twin.score(images, kind.questions, answers).log_probabilities.detach()
    assert float((changed - before).abs().max()) > 1e-3
    # The mask of what is attended is handed on in the copy, too.
    one = slice(1, 2)
    alone = twin.score(images[one], kind.questions[one], answers[one]).log_probabilities[0]
    assert float((changed[1, : len(alone)] - alone.detach()).abs().max()) <= 1e-5


def test_half_precision_gives_scores_in_float32(
    kind: Any, images: torch.Tensor, answers: Any
) -> None:
    with torch.no_grad():
        full = kind.make().score(images, kind.questions, answers).log_probabilities
        half = kind.make(dtype="bfloat16").score(images, kind.questions, answers)
    assert half.log_probabilities.dtype == torch.float32
    assert float((half.log_probabilities - full).abs().max()) <= 0.5
