"""BLIPs that answer or caption are told apart by their classes and their weights' names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from rateval.api import Context
from rateval.modelkit import Clues, Guess
from rateval_vlp.answering.detection import detect_blip_caption, detect_blip_vqa
from rateval_vlp.answering.keys import names_in
from rateval_vlp.answering.making import make_blip_caption, make_blip_vqa
from rateval_vlp.answering.params import BlipCaptionParams, BlipVqaParams
from rateval_vlp.detection import detect_blip

CLASSES = {"vqa": "BlipForQuestionAnswering", "caption": "BlipForConditionalGeneration"}
DETECT = {"vqa": detect_blip_vqa, "caption": detect_blip_caption}


def official(*, reads: bool, compares: bool = False) -> dict[str, torch.Tensor]:
    """Return weights by the names of official checkpoints, as far as they tell."""
    names = ["text_decoder.cls.predictions.bias", "visual_encoder.cls_token"]
    names += ["text_encoder.embeddings.word_embeddings.weight"] if reads else []
    names += ["vision_proj.weight"] if compares else []
    state = {name: torch.zeros(1) for name in names}
    state["visual_encoder.pos_embed"] = torch.zeros(1, 1 + 24 * 24, 768)
    state["visual_encoder.patch_embed.proj.weight"] = torch.zeros(768, 3, 16, 16)
    return state


def clues_of(file: Path, weights: dict[str, torch.Tensor]) -> Clues:
    return Clues(checkpoint=file, file=file, weights=weights)


@pytest.mark.parametrize("kind", CLASSES)
def test_a_folder_says_its_class(tmp_path: Path, kind: str) -> None:
    (tmp_path / "config.json").write_text(
        f'{{"model_type": "blip", "architectures": ["{CLASSES[kind]}"]}}'
    )
    clues = clues_of(tmp_path / "model.safetensors", {})
    for other, detect in DETECT.items():
        guess = detect(clues)
        assert (guess is not None) == (other == kind)
        assert guess is None or guess.params == {"pretrained": str(tmp_path)}


@pytest.mark.parametrize("kind", CLASSES)
def test_official_names_tell_what_it_does_and_its_size(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = "rateval_vlp.detection.cached_bert_vocabulary"
    file = tmp_path / "model.pth"
    monkeypatch.setattr(words, lambda: None)
    lacking = DETECT[kind](clues_of(file, official(reads=kind == "vqa")))
    assert lacking is not None
    assert "the words of bert-base-uncased" in lacking.lacks
    monkeypatch.setattr(words, lambda: tmp_path / "vocab.txt")
    clues = clues_of(file, official(reads=kind == "vqa"))
    guesses: dict[str, Guess | None] = {name: detect(clues) for name, detect in DETECT.items()}
    guess = guesses.pop(kind)
    assert list(guesses.values()) == [None]
    assert guess is not None
    # 24 x 24 patches of 16 pixels: the captioner's usual size, and not that of who answers.
    size = {"size": {"image_size": 384}} if kind == "vqa" else {}
    assert guess.params == {"pretrained": str(file)} | size
    params: Any = BlipVqaParams if kind == "vqa" else BlipCaptionParams
    file.touch()
    params.model_validate(guess.params)


def test_what_compares_images_and_texts_is_neither(tmp_path: Path) -> None:
    clues = clues_of(tmp_path / "model.pth", official(reads=True, compares=True))
    assert [detect(clues) for detect in DETECT.values()] == [None, None]
    assert detect_blip(Clues()) is None


@pytest.mark.parametrize("kind", CLASSES)
def test_without_a_checkpoint_there_are_the_tiny_ones(kind: str) -> None:
    guess = DETECT[kind](Clues())
    assert guess is not None
    assert (guess.params, guess.sure) == ({}, 0)
    assert "knows drawn scenes and no photos" in guess.unknown[0]


@pytest.mark.parametrize("kind", CLASSES)
def test_whole_models_are_known_by_their_own_weights(
    tmp_path: Path, kind: str, size: dict[str, Any], vocabulary: Path
) -> None:
    given = {"pretrained": "random", "size": size, "vocabulary": str(vocabulary)}
    made: Any
    if kind == "vqa":
        made = make_blip_vqa(BlipVqaParams.model_validate(given), Context())
    else:
        made = make_blip_caption(BlipCaptionParams.model_validate(given), Context())
    state = made.module.state_dict()
    names = names_in(state, hugging_face=False)
    clues = clues_of(tmp_path / "model.pth", dict(zip(names, state.values(), strict=True)))
    assert [name for name, detect in DETECT.items() if detect(clues) is not None] == [kind]
