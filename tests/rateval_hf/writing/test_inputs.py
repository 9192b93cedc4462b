"""What the model reads is what the family's own processor makes of the same square image."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

# Processors round to whole pixels between two resizes; a deviation of 0.2 makes 2 / 255 of it 0.04.
ROUNDED = 0.04


def _own_pixels(model: Any, image: Image.Image) -> torch.Tensor:
    """Return what the model's image tower is given of one picture."""
    seen: list[torch.Tensor] = []
    module = model.module.model
    tower = next(
        getattr(module, name)
        for name in ("vision_tower", "vision_model", "visual")
        if hasattr(module, name)
    )

    def keep(_: Any, arguments: Any, named: Any) -> None:
        seen.append(arguments[0] if arguments else named["pixel_values"])

    handle = tower.register_forward_pre_hook(keep, with_kwargs=True)
    with torch.no_grad():
        model.score(model.preprocess(image)[None], ["red?"], ["cat"])
    handle.remove()
    return seen[0]


def _whole(case: Any, image: Image.Image, question: str, answer_ids: list[int]) -> Any:
    """Return the processor's inputs with an answer's ids behind the prompt."""
    inputs = dict(case.inputs(image, question))
    more = torch.tensor([answer_ids])
    inputs["input_ids"] = torch.cat([inputs["input_ids"], more], dim=1)
    inputs["attention_mask"] = torch.ones_like(inputs["input_ids"])
    if "mm_token_type_ids" in inputs:
        types = torch.as_tensor(inputs["mm_token_type_ids"])
        inputs["mm_token_type_ids"] = torch.cat([types, torch.zeros_like(more)], dim=1)
    if "image_grid_thw" not in inputs:
        inputs.pop("mm_token_type_ids", None)
    return inputs


def test_pixels_are_the_processors(case: Any, pictures: list[Image.Image]) -> None:
    model = case.make()
    for picture in pictures:
        expected = case.inputs(picture, "red?")["pixel_values"]
        found = _own_pixels(model, picture)
        expected = expected.reshape(found.shape)
        assert float((found - expected).abs().max()) <= ROUNDED
        assert float((found - expected).abs().mean()) <= ROUNDED / 10


def test_a_picture_of_the_models_size_is_taken_as_it_is(case: Any) -> None:
    if case.kind in ("idefics3", "smolvlm") and not case.params:
        pytest.skip("their processor enlarges every image before it makes it small")
    model = case.make()
    height, width = model.card.image_size
    drawn = np.random.default_rng(3).integers(0, 256, (height, width, 3), dtype=np.uint8)
    picture = Image.fromarray(drawn)
    expected = case.inputs(picture, "red?")["pixel_values"]
    found = _own_pixels(model, picture)
    expected = expected.reshape(found.shape)
    whole = found[-1:] if case.params.get("tiles") else found[:0]
    assert float((found - expected)[: len(found) - len(whole)].abs().max()) <= 1e-5
    # The tile of the whole image is resized once, and rounded by the processor alone.
    assert float((whole - expected[-1:]).abs().max() if len(whole) else 0) <= ROUNDED


def test_scores_are_those_of_the_upstream_model(
    case: Any, pictures: list[Image.Image], questions: Any
) -> None:
    model = case.make()
    tokenizer = case.processor.tokenizer
    lead = "" if "qwen" in case.kind else " "
    ids = tokenizer(f"{lead}cat", add_special_tokens=False)["input_ids"]
    own = torch.stack([model.preprocess(picture) for picture in pictures])
    with torch.no_grad():
        scores = model.score(own, questions, ["cat"] * 3).log_probabilities
    for row, (picture, question) in enumerate(zip(pictures, questions, strict=True)):
        inputs = _whole(case, picture, question, ids)
        pixels = inputs["pixel_values"]
        # Of the very pixels, so that the processor's rounding is left out.
        inputs["pixel_values"] = _own_pixels(model, picture).reshape(pixels.shape)
        with torch.no_grad():
            logits = case.upstream(**inputs).logits[0].double()
        expected = logits.log_softmax(-1)[-len(ids) - 1 :]
        end = case.processor.tokenizer.eos_token_id
        for place, one in enumerate([*ids, end]):
            assert abs(float(scores[row, place]) - float(expected[place, one])) <= 1e-4


def test_the_sum_is_minus_the_models_own_loss(case: Any, pictures: list[Image.Image]) -> None:
    model = case.make()
    lead = "" if "qwen" in case.kind else " "
    tokenizer = case.processor.tokenizer
    ids = [*tokenizer(f"{lead}dog", add_special_tokens=False)["input_ids"], tokenizer.eos_token_id]
    inputs = _whole(case, pictures[0], "red?", ids)
    pixels = inputs["pixel_values"]
    inputs["pixel_values"] = _own_pixels(model, pictures[0]).reshape(pixels.shape)
    labels = torch.full_like(inputs["input_ids"], -100)
    labels[0, -len(ids) :] = torch.tensor(ids)
    with torch.no_grad():
        loss = case.upstream(**inputs, labels=labels).loss
        own = model.score(model.preprocess(pictures[0])[None], ["red?"], ["dog"])
    total = float(own.log_probabilities.sum())
    assert total == pytest.approx(-float(loss) * len(ids), abs=1e-4)


def test_answers_are_those_that_the_upstream_model_generates(
    case: Any, pictures: list[Image.Image], questions: Any
) -> None:
    model = case.make(max_new_tokens=6)
    own = torch.stack([model.preprocess(picture) for picture in pictures])
    found = [answer.text for answer in model.generate(own, questions)]
    for picture, question, text in zip(pictures, questions, found, strict=True):
        inputs = _whole(case, picture, question, [])
        inputs["input_ids"] = inputs["input_ids"].long()
        pixels = inputs["pixel_values"]
        inputs["pixel_values"] = _own_pixels(model, picture).reshape(pixels.shape)
        ids = case.upstream.generate(**inputs, do_sample=False, max_new_tokens=6)
        said = case.processor.tokenizer.decode(
            ids[0, inputs["input_ids"].shape[1] :], skip_special_tokens=True
        )
        assert text == said.strip()


def test_a_mask_moves_with_its_image(case: Any) -> None:
    model = case.make()
    drawn = np.zeros((64, 64, 3), dtype=np.uint8)
    drawn[8:24, 32:56] = 255
    bright = model.preprocess(Image.fromarray(drawn)).mean(dim=0) > 0
    mask = model.preprocess_mask(drawn[..., 0] > 0)
    assert mask.shape == model.card.image_size
    assert int((bright ^ mask).sum()) <= 0.02 * mask.numel()
    assert int(mask.sum()) > 0


def test_an_oblong_picture_is_squared(case: Any) -> None:
    model = case.make()
    assert model.preprocess(Image.new("RGB", (90, 50))).shape == (3, *model.card.image_size)
    assert model.preprocess_mask(np.ones((50, 90), dtype=np.bool_)).shape == model.card.image_size
