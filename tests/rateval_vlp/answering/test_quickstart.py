"""The tiny BLIP that writes captions is the default and knows the scenes."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

import rateval
from rateval.api import Sample
from rateval_shapes.captioning.dataset import CaptionsSplit
from rateval_shapes.captioning.words import vocabulary
from rateval_shapes.objects import OBJECTS
from rateval_shapes.streams import Stream
from rateval_vlp.answering import files
from rateval_vlp.answering.model import CaptioningModel
from rateval_vlp.answering.params import BlipCaptionParams

FOLDER = Path(files.__file__).parents[1] / "quickstart" / "blip-caption"


@pytest.fixture(scope="module")
def model() -> CaptioningModel:
    made = rateval.create("model", "blip-caption")
    assert isinstance(made, CaptioningModel)
    return made


def test_it_is_the_default(model: CaptioningModel) -> None:
    assert BlipCaptionParams() == BlipCaptionParams(pretrained="quickstart")
    assert (model.grid, model.card.image_size, model.card.checkpoint) == (
        (8, 8),
        (64, 64),
        "quickstart",
    )
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) < 3_000_000


def test_tokenizer_knows_every_word_of_captions_and_of_the_prompt() -> None:
    known = (FOLDER / "vocab.txt").read_text(encoding="utf-8").split("\n")
    assert {*vocabulary(), *["a", "picture", "of"]} <= {*known}


def test_it_names_what_stands_in_clean_scenes(model: CaptioningModel) -> None:
    split = CaptionsSplit(Stream.TEST_CAPTIONS, 128, bias=0.0, style="clean", seed=9)
    samples = [one for one in split.samples(range(128)) if isinstance(one, Sample)]
    images = torch.stack([model.preprocess(one.image) for one in samples])
    answers = model.generate(images, [""] * len(samples))
    mentions = objects = right = 0
    for sample, answer in zip(samples, answers, strict=True):
        own = {OBJECTS[one.label] for one in sample.depicted}
        said = {*answer.text.replace(",", "").split()} & {*OBJECTS}
        mentions, objects = mentions + len(said), objects + len(own)
        right += len(own & said)
    assert right / mentions > 0.95
    assert right / objects > 0.95
