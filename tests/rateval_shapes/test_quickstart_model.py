"""The tiny CLIP that ships with rateval loads by open_clip alone and knows the scenes."""

from __future__ import annotations

from pathlib import Path

import open_clip
import pytest
import torch
import torch.nn.functional as F

import rateval_clip
from rateval_shapes.captions import vocabulary
from rateval_shapes.dataset import ShapesSplit
from rateval_shapes.objects import TASK_OBJECTS
from rateval_shapes.streams import Stream

FOLDER = Path(rateval_clip.__file__).parent / "quickstart"


def test_tokenizer_knows_every_word_of_the_captions() -> None:
    tokenize = open_clip.get_tokenizer(f"local-dir:{FOLDER}")
    tokens = tokenize(["A photo of a heart", "a photo of a zebra", *vocabulary()])
    assert tuple(tokens.shape) == (2 + len(vocabulary()), 16)
    start, end, unknown = 1, tokens.max(), 2
    assert tokens[:, 0].eq(start).all()
    assert (tokens == end).sum(1).eq(1).all()
    assert (tokens == unknown).any(1).nonzero().tolist() == [[1]]
    assert len(set(tokens[2:, 1].tolist())) == len(vocabulary())


def test_folder_is_about_a_megabyte() -> None:
    assert sum(file.stat().st_size for file in FOLDER.iterdir()) < 1_100_000


@pytest.mark.parametrize(("style", "low", "high"), [("clean", 0.6, 0.9), ("hard", 0.45, 0.75)])
def test_zero_shot_is_far_above_chance_and_leaves_room(style: str, low: float, high: float) -> None:
    model, _, preprocess = open_clip.create_model_and_transforms(f"local-dir:{FOLDER}")
    tokenize = open_clip.get_tokenizer(f"local-dir:{FOLDER}")
    split = ShapesSplit(Stream.TEST, 400, 0.0, "clean" if style == "clean" else "hard", seed=9)
    samples = split.samples(range(400))
    images = torch.stack([preprocess(sample.image) for sample in samples])
    labels = torch.tensor([sample.label for sample in samples])
    with torch.inference_mode():
        prompts = tokenize([f"a photo of a {name}" for name in TASK_OBJECTS])
        classes = F.normalize(model.eval().encode_text(prompts))
        accuracy = (model.encode_image(images) @ classes.T).argmax(1).eq(labels).float().mean()
    assert low < accuracy.item() < high
