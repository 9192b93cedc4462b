"""A tokenizer of transformers, such as SigLIP's, comes from files at hand only."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import open_clip
import pytest
from tokenizers import Tokenizer
from tokenizers.models import Unigram
from tokenizers.pre_tokenizers import Metaspace
from tokenizers.processors import TemplateProcessing

from rateval.api import RatevalError
from rateval_clip.tokens import make_tokenizer

NAME = "ViT-B-16-SigLIP"


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], Path]:
    """Return a function that makes the folder of SigLIP's tokenizer in the user's cache."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))

    def make() -> Path:
        repository = tmp_path / f"models--timm--{NAME}"
        snapshot = repository / "snapshots" / "0123"
        snapshot.mkdir(parents=True)
        (repository / "refs").mkdir()
        (repository / "refs" / "main").write_text("0123", encoding="utf-8")
        return snapshot

    return make


def test_siglips_tokenizer_in_the_cache(cache: Callable[[], Path]) -> None:
    folder = cache()
    pieces = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("▁a", -1.0), ("▁dog", -1.0)]
    tokenizer = Tokenizer(Unigram(pieces, unk_id=2))
    tokenizer.pre_tokenizer = Metaspace()
    tokenizer.post_processor = TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    tokenizer.save(str(folder / "tokenizer.json"))
    special = {"unk_token": "<unk>", "pad_token": "</s>", "eos_token": "</s>"}
    (folder / "tokenizer_config.json").write_text(
        json.dumps({"tokenizer_class": "PreTrainedTokenizerFast"} | special), encoding="utf-8"
    )
    ids = make_tokenizer(open_clip.get_model_config(NAME)["text_cfg"], None, NAME)(["A Dog!"])
    # Cleaned as SigLIP does: lower case, no punctuation; padded by the end token to its length.
    assert ids.tolist() == [[3, 4] + [1] * 62]


def test_siglips_tokenizer_that_is_damaged(cache: Callable[[], Path]) -> None:
    (cache() / "tokenizer_config.json").write_text("{", encoding="utf-8")
    with pytest.raises(RatevalError, match=r"tokenizer_config\.json: not a readable JSON config"):
        make_tokenizer(open_clip.get_model_config(NAME)["text_cfg"], None, NAME)


def test_siglips_tokenizer_that_is_not_there(cache: Callable[[], Path]) -> None:
    with pytest.raises(
        RatevalError,
        match=rf"{NAME}: the tokenizer 'timm/{NAME}' is not on this machine, .* `hf download timm",
    ):
        make_tokenizer(open_clip.get_model_config(NAME)["text_cfg"], None, NAME)


@pytest.mark.parametrize("name", ["a" * 1000, "a/" + "b" * 300])
def test_a_tokenizer_whose_name_is_too_long_for_a_path(name: str) -> None:
    with pytest.raises(RatevalError, match="is not on this machine, or cannot be read"):
        make_tokenizer({"hf_tokenizer_name": name}, None, "mine")
