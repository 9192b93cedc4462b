"""The tiny ALBEF and BLIP that come with rateval are the defaults and know the scenes."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch
from pydantic import ValidationError
from safetensors.torch import load_file
from torch.nn import functional as F

import rateval
from rateval.testing import check_model
from rateval_shapes.captions import vocabulary
from rateval_shapes.dataset import ShapesSplit
from rateval_shapes.objects import TASK_OBJECTS
from rateval_shapes.streams import Stream
from rateval_vlp import files
from rateval_vlp.model import ImageTextModel
from rateval_vlp.params import AlbefParams, BlipParams

FOLDER = Path(files.__file__).parent / "quickstart"
PARAMS: dict[str, type[AlbefParams] | type[BlipParams]] = {"albef": AlbefParams, "blip": BlipParams}


@pytest.fixture(scope="module", params=["albef", "blip"])
def family(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture(scope="module")
def model(family: str) -> ImageTextModel:
    made = rateval.create("model", family)
    assert isinstance(made, ImageTextModel)
    return made


def test_it_is_the_default(model: ImageTextModel, family: str) -> None:
    assert PARAMS[family]() == PARAMS[family](pretrained="quickstart")
    assert (model.grid, model.depth) == ((8, 8), 3)
    assert model.card.image_size == (64, 64)
    assert model.card.licence == "Apache-2.0"
    assert model.card.keys_used == len(model.module.state_dict())
    assert model.card.keys_ignored == ()


def test_it_keeps_the_promises_of_a_model(model: ImageTextModel) -> None:
    check_model(model)


def test_tokenizer_knows_every_word_of_the_captions(model: ImageTextModel) -> None:
    words = vocabulary()
    ids = model.tokenizer(["a photo of a zebra", *words])
    padding, unknown, start, end = range(4)
    assert ids[0].tolist()[-2:] == [unknown, end]
    assert set(ids[1:, 0].tolist()) == {start}
    assert (ids[1:, 2] == end).all()
    assert (ids[1:, 3:] == padding).all()
    # Every word is one piece of its own, so that the word embedding has a row for each.
    assert sorted(ids[1:, 1].tolist()) == list(range(4, 4 + len(words)))


def test_folder_is_about_a_megabyte(family: str) -> None:
    assert sum(file.stat().st_size for file in (FOLDER / family).iterdir()) < 1_100_000


def test_keys_are_those_of_the_official_checkpoints(family: str) -> None:
    state = load_file(FOLDER / family / "model.safetensors")
    bert = "text_encoder.bert" if family == "albef" else "text_encoder"
    for key in (
        "visual_encoder.blocks.2.attn.qkv.weight",
        f"{bert}.encoder.layer.1.output.dense.bias",
    ):
        assert key in state
    assert {value.dtype for value in state.values()} == {torch.float16}


@pytest.mark.parametrize(("style", "low", "high"), [("clean", 0.5, 0.9), ("hard", 0.3, 0.75)])
def test_zero_shot_is_far_above_chance_and_leaves_room(
    model: ImageTextModel, style: str, low: float, high: float
) -> None:
    split = ShapesSplit(Stream.TEST, 400, 0.0, "clean" if style == "clean" else "hard", seed=9)
    samples = split.samples(range(400))
    images = torch.stack([model.preprocess(sample.image) for sample in samples])
    labels = torch.tensor([sample.label for sample in samples])
    with torch.inference_mode():
        prompts = [prompts[0] for prompts in model.prompts(TASK_OBJECTS)]
        classes = F.normalize(model.encode_text(prompts))
        accuracy = (model.encode_image(images) @ classes.T).argmax(1).eq(labels).float().mean()
    assert low < accuracy.item() < high


@pytest.mark.parametrize("given", ["size", "vocabulary"])
@pytest.mark.parametrize("named", [True, False])
def test_size_and_vocabulary_belong_to_other_checkpoints(
    family: str, given: str, named: bool, tmp_path: Path
) -> None:
    params = {"size": "base", "vocabulary": str(tmp_path)}
    chosen = {given: params[given]} | ({"pretrained": "quickstart"} if named else {})
    with pytest.raises(ValidationError, match=f"brings its own {given}; leave {given} out"):
        PARAMS[family].model_validate(chosen)


def test_a_path_of_that_name_is_a_path(family: str) -> None:
    with pytest.raises(ValidationError, match=r"no such file: \./quickstart"):
        PARAMS[family](pretrained="./quickstart")


@pytest.mark.parametrize("name", ["model.safetensors", "size.json", "vocab.txt"])
def test_digest_covers_every_shipped_file(
    family: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    params = PARAMS[family]()
    before = files.digest(params)
    shutil.copytree(FOLDER, tmp_path / "copy")
    monkeypatch.setattr(files, "_QUICKSTART", tmp_path / "copy")
    assert files.digest(params) == before
    file = tmp_path / "copy" / family / name
    content = file.read_bytes()
    # One more line would be one more word.
    changed = content.replace(b"yellow", b"amber") if name == "vocab.txt" else content + b"\n"
    file.write_bytes(changed)
    assert files.digest(params) != before


def test_the_two_differ() -> None:
    assert files.digest(AlbefParams()) != files.digest(BlipParams())
