"""Prompts, vocabularies, params and digests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from huggingface_hub import constants
from PIL import Image
from pydantic import ValidationError

from rateval.api import Context, RatevalError
from rateval.testing import check_component
from rateval_vlp.architecture import albef_architecture
from rateval_vlp.files import digest
from rateval_vlp.model import ImageTextModel, make_albef, make_blip
from rateval_vlp.params import AlbefParams, BlipParams
from rateval_vlp.plugin import rateval_register_models

Build = Callable[..., ImageTextModel]


@pytest.fixture
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    cache = tmp_path / "hub"
    cache.mkdir()
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(cache))
    return cache


@pytest.mark.parametrize("index", [0, 1])
def test_keeps_the_promises_of_a_model(index: int, size: dict[str, Any], vocabulary: Path) -> None:
    component = rateval_register_models()[index]
    params = {"pretrained": "random", "size": size, "vocabulary": str(vocabulary)}
    check_component(component, "model", **params)


def test_word_pieces(build: Build) -> None:
    ids = build().tokenizer(["A photo, of the AIRCRAFT", "dòg"])
    # "," is no word of this vocabulary; the accent goes.
    assert ids.tolist() == [[2, 4, 5, 1, 6, 14, 10, 11, 3], [2, 7, 3, 0, 0, 0, 0, 0, 0]]


def test_strings_and_ids_give_the_same_embedding(build: Build) -> None:
    model = build()
    with torch.no_grad():
        by_name = model.encode_text(["a photo of a dog"])
        padded = model.encode_text(torch.tensor([[2, 4, 5, 6, 4, 7, 3, 0, 0]]))
    torch.testing.assert_close(by_name, padded, atol=1e-6, rtol=0)


@pytest.mark.parametrize(("family", "length"), [("albef", 30), ("blip", 35)])
def test_long_prompts_are_cut(request: pytest.FixtureRequest, family: str, length: int) -> None:
    model: ImageTextModel = request.getfixturevalue(family)()
    ids = model.tokenizer(["dog " * 50])
    assert ids.shape == (1, length)
    assert ids[0, -1] == 3
    assert model.card.text_length == length


def test_a_vocabulary_as_folder_or_tokenizer_file(build: Build, vocabulary: Path) -> None:
    expected = build().tokenizer(["the sea"])
    assert build(vocabulary=str(vocabulary.parent)).tokenizer(["the sea"]).equal(expected)
    saved = vocabulary.parent / "tokenizer.json"
    build().tokenizer._tokenizer.save(str(saved))
    assert build(vocabulary=str(saved)).tokenizer(["the sea"]).equal(expected)


def test_words_that_look_like_line_ends_keep_their_place(build: Build, vocabulary: Path) -> None:
    words = vocabulary.read_text(encoding="utf-8").split("\n")[:-1]
    words[6] = "\x85"
    vocabulary.write_text("\n".join(words) + "\n", encoding="utf-8")
    assert build().tokenizer(["dog"]).tolist() == [[2, 7, 3]]


def test_a_missing_vocabulary_matters_for_strings_only(
    size: dict[str, Any], ids: torch.Tensor, empty_cache: Path
) -> None:
    model = make_albef(AlbefParams(pretrained="random", size=size), Context())
    assert model.encode_text(ids).shape == (3, 12)
    with pytest.raises(RatevalError, match=r"vocab\.txt of huggingface\.co/google-bert.*fetch"):
        model.encode_text(["a dog"])


def test_the_vocabulary_in_the_cache_is_found(
    size: dict[str, Any], empty_cache: Path, vocabulary: Path
) -> None:
    params = AlbefParams(pretrained="random", size=size)
    before = digest(params)
    repository = empty_cache / "models--google-bert--bert-base-uncased"
    snapshot = repository / "snapshots" / "abc"
    snapshot.mkdir(parents=True)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("abc", encoding="utf-8")
    (snapshot / "vocab.txt").write_bytes(vocabulary.read_bytes())
    assert make_albef(params, Context()).encode_text(["a dog"]).shape == (1, 12)
    assert digest(params) != before


def test_vocabulary_of_another_size(
    albef: Build, blip: Build, size: dict[str, Any], vocabulary: Path
) -> None:
    other = size | {"vocabulary_size": 20}
    with pytest.raises(RatevalError, match=r"has 18 words, but the word embedding .* has 20 rows"):
        albef(size=other)
    # BLIP added two words of its own.
    assert blip(size=other).encode_text(["a dog"]).shape == (1, 12)
    for rows in (17, 21):
        with pytest.raises(RatevalError, match=f"has 18 words, .* has {rows} rows"):
            blip(size=size | {"vocabulary_size": rows})


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("dog\ncat\na\nthe\n", r"it lacks \[PAD\], \[UNK\], \[CLS\], \[SEP\]"),
        ("a\n[PAD]\n[UNK]\n[CLS]\n[SEP]\n", r"\[PAD\] must be word 0"),
    ],
)
def test_file_that_is_no_vocabulary(
    build: Build, size: dict[str, Any], tmp_path: Path, content: str, reason: str
) -> None:
    path = tmp_path / "words.txt"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(RatevalError, match=reason):
        build(vocabulary=str(path), size=size | {"vocabulary_size": content.count("\n")})


def test_unreadable_vocabularies(build: Build, tmp_path: Path) -> None:
    (tmp_path / "bytes.txt").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "broken.json").write_text("{", encoding="utf-8")
    for name in ("bytes.txt", "broken.json"):
        with pytest.raises(RatevalError, match=f"{name}: not a readable vocabulary"):
            build(vocabulary=str(tmp_path / name))
    (tmp_path / "empty").mkdir()
    with pytest.raises(RatevalError, match=r"neither tokenizer\.json nor vocab\.txt"):
        build(vocabulary=str(tmp_path / "empty"))


@pytest.mark.parametrize(
    ("ids", "reason"),
    [
        ([[2, 18, 3]], "token ids from 2 to 18; they must lie in 0 to 17"),
        ([[2, -1, 3]], "token ids from -1 to 3"),
        ([[2] * 37], "37 tokens; there are 36 positions"),
        ([[2, 3], [0, 0]], "begins with padding"),
    ],
)
def test_impossible_ids(build: Build, ids: list[list[int]], reason: str) -> None:
    with pytest.raises(RatevalError, match=reason):
        build().encode_text(torch.tensor(ids))


def test_prompts(build: Build) -> None:
    model = build(prompt=["a {class}", "{class} {class}"])
    assert model.prompts(["dog", "cat"]) == [["a dog", "dog dog"], ["a cat", "cat cat"]]


def test_preprocessing_squeezes_the_whole_image(build: Build) -> None:
    pixels = np.zeros((20, 60, 3), dtype=np.uint8)
    pixels[:, 30:] = 255
    model = build(image_mean=(0.5, 0.5, 0.5), image_std=(0.5, 0.5, 0.5))
    image = model.preprocess(Image.fromarray(pixels))
    assert image.shape == (3, 32, 32)
    assert float(image[:, :, :14].max()) < -0.8
    assert float(image[:, :, 18:].min()) > 0.8
    mask = model.preprocess_mask(pixels[:, :, 0] > 0)
    assert mask[:, 16:].all()
    assert not mask[:, :16].any()


def test_random_weights_are_those_of_the_seed(build: Build, images: torch.Tensor) -> None:
    state = torch.random.get_rng_state()
    one, same, other = build(), build(), build(seed=1)
    assert torch.equal(torch.random.get_rng_state(), state)
    with torch.no_grad():
        assert torch.equal(one.encode_image(images), same.encode_image(images))
        assert not torch.equal(one.encode_image(images), other.encode_image(images))
    assert one.card.checkpoint == ""
    assert not any(part.training for part in one.module.modules())


def test_digest_follows_the_bytes(tmp_path: Path, size: dict[str, Any], vocabulary: Path) -> None:
    weights = tmp_path / "weights.pth"
    weights.write_bytes(b"one")
    params = {"size": size, "vocabulary": str(vocabulary)}
    first = digest(AlbefParams(pretrained=str(weights), **params))
    moved = weights.rename(tmp_path / "moved.pth")
    assert digest(AlbefParams(pretrained=str(moved), **params)) == first
    moved.write_bytes(b"two")
    second = digest(AlbefParams(pretrained=str(moved), **params))
    assert second != first
    words = vocabulary.read_text(encoding="utf-8")
    vocabulary.write_text(words.replace("dog", "hound"), encoding="utf-8")
    assert digest(AlbefParams(pretrained=str(moved), **params)) not in {first, second}
    assert digest(AlbefParams(pretrained="random", **params))


def test_presets() -> None:
    without = albef_architecture(AlbefParams(pretrained="random")).size
    base = AlbefParams(pretrained="random", size="base").size
    assert without == base
    assert base is not None
    assert (base.width, base.depth, base.text_layers, base.vocabulary_size) == (768, 12, 6, 30522)
    large = BlipParams(pretrained="random", size="large").size
    assert large is not None
    assert (large.width, large.depth, large.text_layers, large.vocabulary_size) == (
        1024,
        24,
        12,
        30524,
    )


@pytest.mark.parametrize(
    ("params", "reason"),
    [
        ({"pretrained": "absent.pth"}, "no such file: absent.pth"),
        ({"vocabulary": "absent.txt"}, "no such file: absent.txt"),
        ({"size": "huge"}, 'is no size; give "base"'),
        ({"size": {"widht": 3}}, "Extra inputs"),
        ({"size": {"image_size": 30}}, "must be a multiple of patch_size = 16"),
        ({"size": {"heads": 5}}, "must be a multiple of heads = 5"),
        ({"prompt": "a photo"}, "is no template"),
        ({"prompt": []}, "must be a template"),
        ({"image_mean": (2, 0, 0)}, "less than or equal to 1"),
        ({"image_std": (0, 1, 1)}, "greater than 0"),
    ],
)
@pytest.mark.parametrize("kind", [AlbefParams, BlipParams])
def test_params_out_of_bounds(
    kind: type[AlbefParams] | type[BlipParams], params: dict[str, Any], reason: str
) -> None:
    with pytest.raises(ValidationError, match=reason):
        kind(**({"pretrained": "random"} | params))


def test_a_folder_for_albef_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RatevalError, match=r"are one file, such as ALBEF\.pth"):
        make_albef(AlbefParams(pretrained=str(tmp_path)), Context())


def test_an_empty_folder_for_blip_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RatevalError, match=r"lacks config\.json or the weights"):
        make_blip(BlipParams(pretrained=str(tmp_path)), Context())
