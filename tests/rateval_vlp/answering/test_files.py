"""Official checkpoints and Hugging Face folders are read without a gap, or refused with why."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from pydantic import ValidationError
from safetensors.torch import save_file
from transformers import (
    BlipConfig,
    BlipForConditionalGeneration,
    BlipForImageTextRetrieval,
    BlipForQuestionAnswering,
)

from rateval.api import Context, RatevalError
from rateval.api.tasks.texts import TextModel
from rateval_vlp.answering.files import digest
from rateval_vlp.answering.making import make_blip_caption, make_blip_vqa
from rateval_vlp.answering.params import BlipCaptionParams, BlipVqaParams

Folder = Callable[..., Path]


def _write(path: Path, state: dict[str, torch.Tensor]) -> str:
    torch.save({"model": state}, path)
    return str(path)


@pytest.fixture
def folder(tmp_path: Path, size: dict[str, Any], words: tuple[str, ...]) -> Folder:
    """Make what transformers itself saves, with its vocabulary."""

    def make(kind: Any, **text: Any) -> Path:
        config = BlipConfig(
            vision_config={
                "image_size": size["image_size"],
                "patch_size": size["patch_size"],
                "hidden_size": size["width"],
                "intermediate_size": 4 * size["width"],
                "num_hidden_layers": size["depth"],
                "num_attention_heads": size["heads"],
                "layer_norm_eps": 1e-3,
                "initializer_range": 0.2,
            },
            text_config={
                "hidden_size": size["text_width"],
                "num_hidden_layers": size["text_layers"],
                "num_attention_heads": size["text_heads"],
                "intermediate_size": size["text_intermediate"],
                "vocab_size": size["vocabulary_size"],
                "max_position_embeddings": size["max_positions"],
                "bos_token_id": len(words),
                "sep_token_id": 3,
                "eos_token_id": 3,
                "initializer_range": 0.2,
                "hidden_dropout_prob": 0.3,
                **text,
            },
        )
        with torch.random.fork_rng():
            torch.manual_seed(11)
            kind(config).save_pretrained(tmp_path / "folder")
        (tmp_path / "folder" / "vocab.txt").write_text("\n".join(words) + "\n", encoding="utf-8")
        return tmp_path / "folder"

    return make


def test_a_folder_of_question_answering(folder: Folder, images: torch.Tensor) -> None:
    path = folder(BlipForQuestionAnswering)
    model = make_blip_vqa(BlipVqaParams(pretrained=str(path)), Context())
    theirs: Any = BlipForQuestionAnswering.from_pretrained(path)
    given = torch.tensor([[23, 22, 10, 3]])
    with torch.no_grad():
        found = model.score(images[:1], ["how many dogs?"], ["two dog"]).log_probabilities
        loss = theirs(
            pixel_values=images[:1],
            input_ids=torch.tensor([[2, 20, 21, 10, 11, 16, 3]]),
            decoder_input_ids=given,
            labels=given,
        ).loss
    assert -float(found.sum()) == pytest.approx(3 * float(loss), abs=1e-5)
    assert model.card.assumed == ("questions begin with [CLS], as transformers' processor does",)
    assert model.card.keys_used == len(theirs.state_dict()) - 2  # tied, saved once
    assert model.module.config.text_config.hidden_dropout_prob == 0.3
    (answer,) = model.generate(images[:1], ["how many dogs?"])
    ids = theirs.generate(
        input_ids=torch.tensor([[2, 20, 21, 10, 11, 16, 3]]),
        pixel_values=images[:1],
        max_new_tokens=10,
        num_beams=1,
        do_sample=False,
    )
    assert answer.text == model._words.read(ids)[0]


def test_a_folder_of_captioning(folder: Folder, images: torch.Tensor) -> None:
    path = folder(BlipForConditionalGeneration)
    model = make_blip_caption(BlipCaptionParams(pretrained=str(path), prompt=""), Context())
    theirs: Any = BlipForConditionalGeneration.from_pretrained(path)
    given = torch.tensor([[23, 22, 10, 3]])
    with torch.no_grad():
        found = model.score(images[:1], [""], ["two dog"]).log_probabilities
        loss = theirs(pixel_values=images[:1], input_ids=given, labels=given).loss
    assert -float(found.sum()) == pytest.approx(3 * float(loss), abs=1e-5)
    assert model.card.assumed == ()
    assert model.card.image_size == (32, 32)


def test_an_official_checkpoint_and_a_folder_of_its_weights_are_equal(
    kind: Any, folder: Folder, images: torch.Tensor, answers: Any
) -> None:
    ours = kind.make()
    path = folder(BlipForQuestionAnswering if kind.asks else BlipForConditionalGeneration)
    ours.module.save_pretrained(path)
    config = json.loads((path / "config.json").read_text(encoding="utf-8"))
    assert config["vision_config"]["layer_norm_eps"] == 1e-6
    # The vocabulary's [SEP] is what ends texts; a checkpoint's own config can't know its number.
    config["text_config"]["sep_token_id"] = 3
    (path / "config.json").write_text(json.dumps(config), encoding="utf-8")
    more = {"question_begins": "[ENC]"} if kind.asks else {}
    again = kind.make(pretrained=str(path), size=None, vocabulary=None, **more)
    with torch.no_grad():
        found = [
            model.score(images, kind.questions, answers).log_probabilities
            for model in (ours, again)
        ]
    assert torch.equal(*found)


def test_safetensors_and_prefixes_of_an_official_checkpoint(
    kind: Any, tmp_path: Path, images: torch.Tensor, answers: Any
) -> None:
    state = {f"module.{key}": value.clone() for key, value in kind.state.items()}
    save_file(state, tmp_path / "weights.safetensors")
    model = kind.make(pretrained=str(tmp_path / "weights.safetensors"))
    with torch.no_grad():
        found = model.score(images, kind.questions, answers).log_probabilities
        expected = kind.make().score(images, kind.questions, answers).log_probabilities
    assert torch.equal(found, expected)
    assert model.card.keys_used + len(model.card.keys_ignored) == len(kind.state)


def test_what_pretraining_adds_is_left_out(kind: Any, tmp_path: Path) -> None:
    state = dict(kind.state)
    momentum = {
        key.replace("visual_encoder.", "visual_encoder_m."): value + 1
        for key, value in state.items()
        if key.startswith("visual_encoder.")
    }
    extra = {
        "temp": torch.ones(()),
        "image_queue": torch.zeros(2, 2),
        "ptr_queue": torch.zeros(1, dtype=torch.int64),
        "itm_head.weight": torch.zeros(2, 24),
        "vision_proj.weight": torch.zeros(8, 24),
        "text_proj_m.weight": torch.zeros(8, 24),
        "text_encoder_m.embeddings.LayerNorm.bias": torch.zeros(24),
    }
    if not kind.asks:
        extra["text_encoder.embeddings.LayerNorm.bias"] = torch.zeros(24)
    model = kind.make(pretrained=_write(tmp_path / "all.pth", state | momentum | extra))
    assert {*momentum, *extra} <= set(model.card.keys_ignored)
    own = model.module.vision_model.post_layernorm.bias
    assert torch.equal(own.detach(), state["visual_encoder.norm.bias"])


def test_the_head_may_be_left_out_where_it_is_tied(kind: Any, tmp_path: Path) -> None:
    name = "text_decoder.cls.predictions.decoder"
    state = {key: value for key, value in kind.state.items() if not key.startswith(name)}
    model = kind.make(pretrained=_write(tmp_path / "tied.pth", state))
    words = model.module.text_decoder.bert.embeddings.word_embeddings.weight
    assert model.module.text_decoder.cls.predictions.decoder.weight is words
    assert torch.equal(words.detach(), kind.state[f"{name}.weight"])
    state[f"{name}.weight"] = kind.state[f"{name}.weight"] + 1
    with pytest.raises(RatevalError, match=r"decoder\.weight differs from the weight that it is"):
        kind.make(pretrained=_write(tmp_path / "untied.pth", state))


def test_positions_of_another_square_are_interpolated(kind: Any, tmp_path: Path) -> None:
    key = "visual_encoder.pos_embed"
    larger = torch.randn(1, 1 + 36, 24, generator=torch.Generator().manual_seed(3))
    path = _write(tmp_path / "larger.pth", kind.state | {key: larger})
    model = kind.make(pretrained=path)
    assert "positions interpolated from 37 rows to 17" in model.card.assumed
    used = model.module.vision_model.embeddings.position_embedding.detach()
    assert used.shape == (1, 17, 24)
    assert torch.equal(used[:, 0], larger[:, 0])
    assert model.grid == (4, 4)
    path = _write(tmp_path / "oblong.pth", kind.state | {key: larger[:, :13]})
    with pytest.raises(RatevalError, match="12 patches, which make no square grid"):
        kind.make(pretrained=path)


def test_missing_and_unexpected_keys_are_named(kind: Any, tmp_path: Path) -> None:
    state = dict(kind.state) | {"surprise.weight": torch.zeros(1)}
    del state["text_decoder.cls.predictions.transform.dense.bias"]
    with pytest.raises(RatevalError) as caught:
        kind.make(pretrained=_write(tmp_path / "weights.pth", state))
    message = str(caught.value)
    assert "1 missing (text_decoder.cls.predictions.transform.dense.bias)" in message
    assert "1 unexpected (surprise.weight)" in message


def test_a_captioner_answers_no_questions(vqa: Any, caption: Any, tmp_path: Path) -> None:
    with pytest.raises(RatevalError, match=r"missing \(text_encoder\.embeddings"):
        vqa.make(pretrained=_write(tmp_path / "caption.pth", caption.state))


def test_code_in_a_checkpoint_is_refused(kind: Any, tmp_path: Path) -> None:
    torch.save({"model": kind.state, "extra": tmp_path}, tmp_path / "code.pth")
    with pytest.raises(RatevalError, match="nothing in it was executed"):
        kind.make(pretrained=str(tmp_path / "code.pth"))


def test_weights_of_transformers_need_their_folder(kind: Any, folder: Folder) -> None:
    path = folder(BlipForQuestionAnswering if kind.asks else BlipForConditionalGeneration)
    with pytest.raises(RatevalError, match=r"weights of transformers' BLIP.* path of the folder"):
        kind.make(pretrained=str(path / "model.safetensors"))


def test_a_folder_of_another_class(kind: Any, folder: Folder) -> None:
    path = folder(BlipForImageTextRetrieval)
    with pytest.raises(RatevalError, match=r"missing \(text_decoder"):
        kind.make(pretrained=str(path), size=None, vocabulary=None)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("bos_token_id", 25, r"bos_token_id = 25: must be a row .* below 25"),
        ("sep_token_id", None, r"sep_token_id = None: must be a row"),
        ("sep_token_id", 4, r"\[SEP\] is word 3, and text_config\.sep_token_id = 4: must be"),
        ("hidden_act", "relu", r"text_config\.hidden_act is 'relu'"),
        ("auto_map", {"AutoModel": "evil.Model"}, "asks for code of the folder's own"),
    ],
)
def test_a_config_that_cannot_be_followed(
    kind: Any, folder: Folder, key: str, value: Any, message: str
) -> None:
    path = folder(BlipForQuestionAnswering if kind.asks else BlipForConditionalGeneration)
    config = json.loads((path / "config.json").read_text(encoding="utf-8"))
    config["text_config"][key] = value
    (path / "config.json").write_text(json.dumps(config), encoding="utf-8")
    with pytest.raises(RatevalError, match=message):
        kind.make(pretrained=str(path), size=None, vocabulary=None)


def test_a_config_of_another_model(vqa: Any, folder: Folder) -> None:
    path = folder(BlipForQuestionAnswering)
    (path / "config.json").write_text('{"model_type": "clip"}', encoding="utf-8")
    with pytest.raises(RatevalError, match=r"'clip', not 'blip'; .* BlipForQuestionAnswering"):
        vqa.make(pretrained=str(path), size=None, vocabulary=None)


def test_widths_that_transformers_cannot_answer_with(size: dict[str, Any], folder: Folder) -> None:
    with pytest.raises(ValueError, match="width = 24 and text_width = 16: must be equal"):
        BlipVqaParams(pretrained="random", size=size | {"text_width": 16})
    path = folder(BlipForQuestionAnswering, hidden_size=16)
    with pytest.raises(RatevalError, match=r"hidden_size = 24 .* = 16: must be equal"):
        make_blip_vqa(BlipVqaParams(pretrained=str(path)), Context())
    path = folder(BlipForConditionalGeneration, hidden_size=16)
    model = make_blip_caption(BlipCaptionParams(pretrained=str(path)), Context())
    assert model.module.config.text_config.encoder_hidden_size == 24


def test_a_dual_encoder_that_was_exported(kind: Any, size: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "size.json").write_text(json.dumps(size), encoding="utf-8")
    (tmp_path / "model.pth").touch()
    with pytest.raises(RatevalError, match="a dual encoder that rateval exported"):
        kind.make(pretrained=str(tmp_path), size=None)


def test_random_weights_are_those_of_the_seed(kind: Any, images: torch.Tensor) -> None:
    state = torch.random.get_rng_state()
    first, again, other = (
        kind.make(pretrained="random", seed=seed).rank(images, kind.questions, ["sea", "two dogs"])
        for seed in (0, 0, 1)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert float((first[0] - first[1]).abs().max()) > 1e-4
    assert torch.equal(torch.random.get_rng_state(), state)


def test_both_are_text_models(size: dict[str, Any], vocabulary: Path) -> None:
    values = {"pretrained": "random", "size": size, "vocabulary": str(vocabulary)}
    models: list[TextModel] = [
        make_blip_vqa(BlipVqaParams.model_validate(values), Context()),
        make_blip_caption(BlipCaptionParams.model_validate(values), Context()),
    ]
    lengths = [model.card.text_length for model in models]
    assert lengths == [35, 40]
    assert {model.card.checkpoint for model in models} == {""}


def test_official_sizes() -> None:
    vqa = BlipVqaParams(pretrained="random", size="base").size
    large = BlipCaptionParams(pretrained="random", size="large").size
    assert vqa is not None
    assert large is not None
    assert (vqa.image_size, vqa.vocabulary_size, vqa.text_layers) == (480, 30524, 12)
    assert (large.image_size, large.width, large.depth, large.heads) == (384, 1024, 24, 16)
    with pytest.raises(ValueError, match='"large" is no size; give "base"'):
        BlipVqaParams(pretrained="random", size="large")


def test_the_digest_follows_weights_config_and_vocabulary(kind: Any, folder: Folder) -> None:
    path = folder(BlipForQuestionAnswering if kind.asks else BlipForConditionalGeneration)
    make = BlipVqaParams if kind.asks else BlipCaptionParams
    found = {digest(make(pretrained=str(path)))}
    for name in ("config.json", "vocab.txt", "model.safetensors"):
        file = path / name
        before = file.read_bytes()
        changed = before.replace(b"0.3", b"0.4").replace(b"yellow", b"orange")
        file.write_bytes(changed if changed != before else before[:-1] + b"\x01")
        found.add(digest(make(pretrained=str(path))))
        file.write_bytes(before)
    assert len(found) == 4


def test_a_folder_that_normalises_by_other_numbers_is_refused(folder: Folder) -> None:
    path = folder(BlipForConditionalGeneration)
    content = {"image_mean": [0.5, 0.5, 0.5]}
    (path / "preprocessor_config.json").write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(RatevalError, match=r"image_mean = \[0\.5, 0\.5, 0\.5\]: is another"):
        make_blip_caption(BlipCaptionParams(pretrained=str(path)), Context())
    params = BlipCaptionParams(pretrained=str(path), image_mean=(0.5, 0.5, 0.5))
    assert make_blip_caption(params, Context()).card.mean == (0.5, 0.5, 0.5)


@pytest.mark.parametrize("given", [{"size": "base"}, {"vocabulary": "."}])
def test_the_tiny_model_brings_its_own(given: dict[str, str]) -> None:
    with pytest.raises(ValidationError, match="brings its own"):
        BlipVqaParams.model_validate(given)
