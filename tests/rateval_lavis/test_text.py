"""Prompts become embeddings by a vocabulary at hand, and nothing is downloaded."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from rateval.api import RatevalError
from rateval_lavis import upstream
from rateval_lavis.model import LavisModel

Make = Callable[..., LavisModel]


@pytest.fixture(autouse=True)
def empty_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Give Hugging Face a cache of this test alone."""
    cache = tmp_path / "hub"
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(cache))
    return cache


def test_prompts_are_those_of_the_templates(make: Make) -> None:
    model = make(prompt=("a {class}", "the {class} of {class}"))
    assert model.prompts(["dog", "sea"]) == [
        ["a dog", "the dog of dog"],
        ["a sea", "the sea of sea"],
    ]


def test_words_become_ids(make: Make, vocabulary: Path) -> None:
    words = vocabulary.read_text().split("\n")
    model = make(vocabulary=str(vocabulary))
    ids = model.tokenizer(["A photo of a Dog", "The sea!"])
    read = [[words[index] for index in row] for row in ids.tolist()]
    assert read[0] == ["[CLS]", "a", "photo", "of", "a", "dog", "[SEP]"]
    assert read[1] == ["[CLS]", "the", "sea", "[UNK]", "[SEP]", "[PAD]", "[PAD]"]
    assert model.tokenizer(["dog " * 50]).shape == (1, model.card.text_length)
    torch.testing.assert_close(
        model.encode_text(["A photo of a Dog", "The sea!"]), model.encode_text(ids)
    )


def test_padding_changes_nothing(make: Make) -> None:
    model = make()
    ids = torch.tensor([[2, 30, 57, 3]])
    padded = torch.nn.functional.pad(ids, (0, 20))
    torch.testing.assert_close(model.encode_text(padded), model.encode_text(ids))


def test_a_folder_and_the_cache(
    make: Make, vocabulary: Path, empty_cache: Path, tmp_path: Path
) -> None:
    assert make(vocabulary=str(tmp_path)).tokenizer(["dog"]).shape == (1, 3)
    snapshot = empty_cache / "models--bert-base-uncased" / "snapshots" / "abc"
    snapshot.mkdir(parents=True)
    (empty_cache / "models--bert-base-uncased" / "refs").mkdir()
    (empty_cache / "models--bert-base-uncased" / "refs" / "main").write_text("abc")
    (snapshot / "vocab.txt").write_text(vocabulary.read_text())
    assert make().tokenizer(["dog"]).shape == (1, 3)


def test_no_vocabulary(make: Make, ids: torch.Tensor) -> None:
    model = make()
    assert model.encode_text(ids).shape == (5, 32)
    with pytest.raises(RatevalError, match=r"vocab.txt of huggingface.co/google-bert/bert-base"):
        model.encode_text(["a dog"])


def test_vocabularies_that_cannot_be_used(make: Make, vocabulary: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(RatevalError, match=r"the folder holds no vocab.txt"):
        make(vocabulary=str(tmp_path / "empty")).encode_text(["a dog"])
    path = tmp_path / "other.txt"
    for content, message in (
        (b"\xff\xfe\xff", "not a readable vocabulary"),
        (b"a\nb\n", r"it lacks \[PAD\], \[UNK\], \[CLS\], \[SEP\]"),
        (vocabulary.read_bytes() + b"more\n", "has 121 words, but the word embedding.* has 120"),
    ):
        path.write_bytes(content)
        with pytest.raises(RatevalError, match=message):
            make(vocabulary=str(path)).encode_text(["a dog"])


def test_blips_two_added_words_need_not_be_in_the_file(
    albef: Make, blip: Make, vocabulary: Path, tmp_path: Path
) -> None:
    path = tmp_path / "short.txt"
    path.write_text("\n".join(vocabulary.read_text().split("\n")[:118]) + "\n")
    assert blip(vocabulary=str(path)).tokenizer(["dog"]).shape == (1, 3)
    with pytest.raises(RatevalError, match="has 118 words"):
        assert albef(vocabulary=str(path)).tokenizer


def test_ids_that_do_not_fit(make: Make) -> None:
    with pytest.raises(RatevalError, match=r"token id 120 lies outside.* vocabulary of 120"):
        make().encode_text(torch.tensor([[2, 120, 3]]))
    with pytest.raises(RatevalError, match="41 tokens are more than the 40 positions"):
        make().encode_text(torch.ones(1, 41, dtype=torch.int64))


@pytest.mark.parametrize("name", ["OfflineAlbef", "OfflineBlip"])
def test_lavis_classes_are_changed_in_nothing_but_the_tokenizer(name: str) -> None:
    kind: Any = getattr(upstream, name)
    own = {key for key in vars(kind) if not key.startswith("__")}
    assert own == {"init_tokenizer"}
    assert kind.__bases__[0].__module__.startswith("lavis.models.")
