"""The card says what the model is, and where its weights come from."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import open_clip
import torch

from rateval.api import Context
from rateval_clip.model import Clip, make_clip
from rateval_clip.params import ClipParams
from rateval_clip.tags import usual_preprocessing

Build = Callable[..., Clip]


def test_the_quickstart() -> None:
    card = make_clip(ClipParams(), Context()).card
    assert (card.architecture, card.image_size, card.text_length) == ("quickstart", (64, 64), 16)
    assert (card.mean, card.std) == ((0.5,) * 3, (0.25,) * 3)
    assert (card.licence, card.head_feature) == ("Apache-2.0", "projected embedding")
    assert card.checkpoint.endswith("open_clip_model.safetensors")
    assert card.keys_used > 50
    assert card.keys_ignored == ()


def test_a_checkpoint_by_path(build: Build, saved: Path, state: dict[str, torch.Tensor]) -> None:
    card = build(pretrained=str(saved), image_std=[0.5, 0.5, 0.5]).card
    assert (card.licence, card.checkpoint, card.keys_used) == ("unknown", str(saved), len(state))
    assert (card.mean, card.std) == (open_clip.OPENAI_DATASET_MEAN, (0.5,) * 3)


def test_random_weights(build: Build) -> None:
    card = build().card
    assert (card.checkpoint, card.keys_used, card.text_length) == ("", 0, 8)


def test_a_file_by_path_is_preprocessed_as_the_tags_of_its_architecture_agree() -> None:
    siglip = usual_preprocessing("ViT-B-16-SigLIP")
    assert (siglip["mean"], siglip["std"], siglip["resize_mode"]) == (
        (0.5,) * 3,
        (0.5,) * 3,
        "squash",
    )
    assert usual_preprocessing("ViT-B-32")["mean"] == open_clip.OPENAI_DATASET_MEAN
    # Tags of ViT-L-14 were trained with two normalisations.
    assert set(usual_preprocessing("ViT-L-14")) == {"interpolation", "resize_mode"}
