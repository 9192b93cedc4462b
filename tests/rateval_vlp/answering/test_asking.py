"""Questions, answers and images that come in, and what is said of those that cannot be."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from rateval.api import RatevalError
from rateval_vlp.answering.params import BlipVqaParams


def test_a_question_is_cut_at_35_tokens_as_the_official_code_does(
    vqa: Any, images: torch.Tensor
) -> None:
    model = vqa.make()
    words = ["what", "is", "the", "sea"] * 9
    with torch.no_grad():
        found = [
            model.score(images[:1], [" ".join(words[:count])], ["two"]).log_probabilities
            for count in (32, 33, 34, 36)
        ]
    assert float((found[1] - found[0]).abs().max()) > 1e-4
    assert torch.equal(found[2], found[1])
    assert torch.equal(found[3], found[1])
    assert model.card.text_length == 35


@pytest.mark.parametrize("begins", ["[ENC]", "[CLS]"])
def test_the_word_before_a_question_can_be_chosen(
    vqa: Any, exact_vqa: Any, images: torch.Tensor, words: tuple[str, ...], begins: str
) -> None:
    model = vqa.make(question_begins=begins)
    with torch.no_grad():
        found = model.score(images[:1], ["how many dogs?"], ["two"]).log_probabilities
    first = len(words) + 1 if begins == "[ENC]" else 2
    read = exact_vqa.read(images[0], [first, 20, 21, 10, 11, 16, 3])
    expected = exact_vqa.write(read, [len(words), 22], "question").detach()
    assert float((found[0] - expected[[0, 1], [22, 3]]).abs().max()) <= 2e-5
    assert model.card.assumed == ()


def test_an_empty_answer_is_its_end_alone(kind: Any, images: torch.Tensor) -> None:
    found = kind.make().score(images, kind.questions, ["", "two", " "])
    assert found.log_probabilities.shape == (3, 2)
    assert found.spans == (((0, 0),), ((0, 3), (3, 3)), ((1, 1),))
    assert found.log_probabilities.detach()[0].tolist()[1] == 0


def test_a_prompt_is_what_a_caption_begins_with(caption: Any, images: torch.Tensor) -> None:
    with torch.no_grad():
        bare, known = (
            caption.make(prompt=prompt).score(images, [""] * 3, [answer] * 3).log_probabilities
            for prompt, answer in (("", "a picture of sea"), ("a picture of ", "sea"))
        )
    assert bare.shape == (3, 5)
    assert float((bare[:, 3:] - known).abs().max()) <= 1e-5


@pytest.mark.parametrize("question", ["", "  "])
def test_no_question(vqa: Any, images: torch.Tensor, question: str) -> None:
    model = vqa.make()
    asked = ["what?", question, "what?"]
    uses: list[Callable[[], Any]] = [
        lambda: model.score(images, asked, ["two"] * 3),
        lambda: model.generate(images, asked),
        lambda: model.rank(images, asked, ["two"]),
    ]
    for use in uses:
        with pytest.raises(RatevalError, match=r"holds no word; .*ask one, or leave the sample"):
            use()


def test_a_question_to_a_captioner(caption: Any, images: torch.Tensor) -> None:
    with pytest.raises(RatevalError, match=r"reads no question; .*use the model blip-vqa"):
        caption.make().generate(images, ["", "what is it?", ""])


def test_no_candidate(kind: Any, images: torch.Tensor) -> None:
    with pytest.raises(RatevalError, match="candidates: there is none; give the answers"):
        kind.make().rank(images, kind.questions, [])


def test_texts_that_are_not_one_for_each_image(kind: Any, images: torch.Tensor) -> None:
    model = kind.make()
    with pytest.raises(RatevalError, match="answers: 2 of them for 3 images"):
        model.score(images, kind.questions, ["two", "sea"])
    with pytest.raises(RatevalError, match="questions: 1 of them for 3 images"):
        model.generate(images, kind.questions[:1])
    with pytest.raises(RatevalError, match="answers: a text for 3 images"):
        model.score(images, kind.questions, "sea")
    with pytest.raises(RatevalError, match="no image is given"):
        model.score(images[:0], [], [])


def test_an_answer_longer_than_the_positions(kind: Any, images: torch.Tensor) -> None:
    model = kind.make()
    fits = 60 - len(kind.before)
    assert model.score(images, kind.questions, ["sea " * fits] * 3)
    with pytest.raises(RatevalError, match=r"answer: has 61 tokens .*60 positions: shorten it"):
        model.score(images, kind.questions, ["two", "sea " * (fits + 1), "two"])


def test_more_tokens_than_positions(kind: Any) -> None:
    with pytest.raises(RatevalError, match=r"max_new_tokens = 60: .*60 positions; lower it"):
        kind.make(max_new_tokens=60)


def test_a_vocabulary_of_another_model(kind: Any, tmp_path: Path) -> None:
    other = tmp_path / "other.txt"
    other.write_text("[PAD]\n[UNK]\n[CLS]\n[SEP]\nsea\n", encoding="utf-8")
    with pytest.raises(RatevalError, match="has 5 words, but the word embedding"):
        kind.make(vocabulary=str(other))


def test_a_text_that_is_no_unicode(kind: Any, images: torch.Tensor) -> None:
    with pytest.raises(RatevalError, match="cannot split texts"):
        kind.make().score(images, kind.questions, ["two", "\ud800", "two"])


def test_paths_that_are_not_there() -> None:
    for values in ({"pretrained": "gone.pth"}, {"pretrained": "random", "vocabulary": "gone.txt"}):
        with pytest.raises(ValueError, match=r"no such file: gone\.(pth|txt); give a path"):
            BlipVqaParams.model_validate(values)


def test_image_and_mask_are_resized_alike(kind: Any) -> None:
    model = kind.make()
    mask = np.zeros((60, 100), dtype=np.bool_)
    mask[15:45, 50:75] = True
    pixels = np.zeros((60, 100, 3), dtype=np.uint8)
    pixels[mask] = 255
    image = model.preprocess(Image.fromarray(pixels))
    fitted = model.preprocess_mask(mask)
    assert image.shape == (3, 32, 32)
    assert image.dtype == torch.float32
    assert fitted.dtype == torch.bool
    bright = image.mean(0) > (image.mean(0).max() + image.mean(0).min()) / 2
    assert float((bright & fitted).sum() / (bright | fitted).sum()) >= 0.9
    mean, std = torch.tensor(model.card.mean), torch.tensor(model.card.std)
    assert torch.allclose(image[:, 0, 0], -mean / std, atol=1e-5)
