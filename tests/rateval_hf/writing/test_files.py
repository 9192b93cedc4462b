"""Folders and params that cannot be followed, each with its message; digests."""

from __future__ import annotations

import copy
import json
import re
from pathlib import Path
from typing import Any

import pytest
import torch
from pydantic import ValidationError
from safetensors.torch import load_file, save_file

from rateval.api import Component, RatevalError
from rateval.testing import check_declaration
from rateval_hf.plugin import rateval_register_models
from rateval_hf.writing.files import digest, read_ends
from rateval_hf.writing.options import read_config
from rateval_hf.writing.params import VlmParams

CONFIG = "config.json"


def _refused(case: Any, said: str, **params: Any) -> None:
    with pytest.raises(RatevalError, match=said):
        case.make(**params)


def _template(case: Any, text: str) -> None:
    (case.folder / "chat_template.jinja").write_text(text, encoding="utf-8")


def _component() -> Component:
    return next(one for one in rateval_register_models() if one.name == "vlm")


def test_the_declaration_is_sound() -> None:
    check_declaration(_component(), "model")
    assert _component().tasks == ("vqa", "captioning")


def test_older_transformers_are_refused(one: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("transformers.__version__", "4.57.1")
    _refused(one("llava"), r"transformers 4\.57\.1: vlm needs 5\.0 or later")


def test_published_options_are_known(tmp_path: Path) -> None:
    language: dict[str, Any] = {
        "model_type": "llama",
        "_flash_attn_2_enabled": True,
        "is_llama_config": True,
    }
    language |= {"neftune_noise_alpha": 0.0, "perceiver_config": {"a": 1}, "head_dim": 64}
    language |= {"pixel_shuffle_factor": 4, "qk_layer_norms": False, "rope_interleaved": False}
    language |= {"pretraining_tp": 1, "rope_scaling": None, "rope_theta": 100000}
    language |= {"transformers.js_config": {"kv_cache_dtype": {}}, "use_resampler": False}
    tower: dict[str, Any] = {"model_type": "idefics3", "max_image_size": {"longest_edge": 512}}
    tower |= {"size": {"longest_edge": 2048}, "use_base_siglip": False}
    smol: dict[str, Any] = {
        "model_type": "smolvlm",
        "text_config": language,
        "vision_config": tower,
    }
    smol |= {"pad_token_id": 128002, "use_reentrant_checkpointing": False, "vocab_size": 49280}
    qwen: dict[str, Any] = {
        "model_type": "qwen2_5_vl",
        "use_sliding_window": False,
        "sliding_window": 32768,
    }
    qwen |= {"max_window_layers": 70, "vision_token_id": 151654, "rope_theta": 1e6}
    qwen |= {"rope_scaling": {"type": "mrope", "mrope_section": [16, 24, 24]}}
    qwen |= {"vision_config": {"in_chans": 3, "spatial_patch_size": 14, "window_size": 112}}
    llava: dict[str, Any] = {"model_type": "llava", "ignore_index": -100, "pad_token_id": 32001}
    llava |= {"text_config": {"model_type": "llama"}, "vocab_size": 32064}
    llava |= {"vision_config": {"model_type": "clip_vision_model", "vocab_size": 32000}}
    path = tmp_path / CONFIG
    for content in (smol, qwen, llava):
        path.write_text(json.dumps(content), encoding="utf-8")
        kind, options = read_config(path)
        assert kind == content["model_type"]
        assert "vision_config" in options


def test_params_are_checked(tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match="no such folder"):
        VlmParams(folder=str(tmp_path / "none"))
    with pytest.raises(ValidationError, match=r"holds \{question\} 0 times"):
        VlmParams(folder=str(tmp_path), instruction="Answer.")


def test_another_family_is_refused_by_those_that_are_known(copied: Any, edit: Any) -> None:
    case = copied("llava")
    edit(case.folder / CONFIG, {"model_type": "paligemma"})
    _refused(
        case,
        r"model_type = 'paligemma': is of no family that vlm knows; those are llava, idefics3, "
        "smolvlm, qwen2_vl, qwen2_5_vl",
    )


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"auto_map": {"AutoModel": "evil.Model"}}, "auto_map = .*code of the folder's own"),
        ({"quantization_config": {"bits": 4}}, "quantization_config = .*: is no option"),
        ({"text_config": {"hidden_size": -1}}, r"text_config\.hidden_size = -1: must be greater"),
        ({"text_config": {"model_type": "mamba"}}, r"text_config\.model_type = 'mamba': must be"),
        ({"text_config": {"hidden_act": "evil"}}, r"text_config\.hidden_act = 'evil': must be"),
        ({"vision_config": {"auto_map": {"a": "b"}}}, r"vision_config\.auto_map = "),
        ({"vision_feature_layer": -9}, "vision_feature_layer = -9: the image tower has 3 layers"),
        ({"text_config": {"num_attention_heads": 5}}, "cannot build|cannot be loaded"),
    ],
)
def test_options_are_checked(copied: Any, edit: Any, changes: dict[str, Any], said: str) -> None:
    case = copied("llava")
    edit(case.folder / CONFIG, changes)
    _refused(case, said)


def test_siglip_has_no_class_token_to_drop(copied: Any, edit: Any) -> None:
    case = copied("llava-siglip")
    edit(case.folder / CONFIG, {"vision_feature_select_strategy": "default"})
    _refused(case, 'strategy = "default": drops a class token, and siglip_vision_model has none')


def test_weights_must_be_there_and_safe(copied: Any) -> None:
    case = copied("smolvlm")
    weights = case.folder / "model.safetensors"
    whole = load_file(weights)
    key = next(key for key in whole if "connector" in key)
    save_file({k: v for k, v in whole.items() if k != key}, weights, {"format": "pt"})
    _refused(case, rf"1 missing \({re.escape(key)}\).*partly random")
    save_file(whole | {"extra.weight": torch.zeros(1)}, weights, {"format": "pt"})
    _refused(case, r"1 unexpected \(extra\.weight\)")
    old = "model.vision_model.embeddings.position_ids"
    save_file(whole | {old: torch.arange(16)[None]}, weights, {"format": "pt"})
    assert case.make().card.keys_ignored == (old,)
    save_file(whole | {key: torch.zeros(2, 2)}, weights, {"format": "pt"})
    _refused(case, "cannot be loaded|of another shape")
    weights.write_bytes(b"no weights")
    _refused(case, "its weights cannot be loaded")
    weights.unlink()
    _refused(case, "holds neither model.safetensors nor model.safetensors.index.json; give")
    torch.save(whole, case.folder / "pytorch_model.bin")
    _refused(case, "pytorch_model.bin may run code when read")
    index = {"weight_map": {"a": "../elsewhere.safetensors"}}
    path = case.folder / "model.safetensors.index.json"
    path.write_text(json.dumps(index), encoding="utf-8")
    _refused(case, "must be the name of a file in the same folder")


@pytest.mark.parametrize("name", ["smolvlm", "qwen2_vl", "llava"])
def test_words_that_are_read_and_written_by_the_same_weights(
    copied: Any, edit: Any, images: Any, name: str
) -> None:
    case = copied(name)
    edit(case.folder / CONFIG, {"tie_word_embeddings": True})
    edit(case.folder / CONFIG, {"text_config": {"tie_word_embeddings": True}})
    weights = case.folder / "model.safetensors"
    whole = load_file(weights)
    (head,) = [key for key in whole if "lm_head" in key]
    save_file({k: v for k, v in whole.items() if k != head}, weights, {"format": "pt"})
    model = case.make()
    assert model.module.lm_head.weight is model.module.get_input_embeddings().weight
    twin = copy.deepcopy(model)
    assert twin.module.lm_head.weight is twin.module.get_input_embeddings().weight
    scores = model.score(images(model), ("red?",) * 3, ("cat",) * 3).log_probabilities
    scores.sum().backward()
    assert model.module.lm_head.weight.grad is not None


def test_an_adapter_is_refused(copied: Any) -> None:
    case = copied("llava")
    (case.folder / "adapter_config.json").write_text("{}", encoding="utf-8")
    _refused(case, "adapter_config.json: the folder holds an adapter; merge it")


def test_a_chat_template_is_needed(copied: Any) -> None:
    case = copied("qwen2_vl")
    (case.folder / "chat_template.jinja").write_bytes(b"\xff\xfe\xff")
    _refused(case, "chat_template.jinja: cannot be read")
    (case.folder / "chat_template.jinja").unlink()
    _refused(case, "has no chat template, neither in chat_template.jinja nor")


@pytest.mark.parametrize("name", ["chat_template.json", "tokenizer_config.json"])
def test_a_chat_template_is_found_where_older_files_have_it(
    copied: Any, edit: Any, name: str, images: Any, questions: Any
) -> None:
    case = copied("qwen2_vl")
    expected = case.make().generate(images(case.make()), questions)
    path = case.folder / "chat_template.jinja"
    text = path.read_text(encoding="utf-8")
    path.unlink()
    if name == "chat_template.json":
        (case.folder / name).write_text(json.dumps({"chat_template": text}), encoding="utf-8")
    else:
        named = [{"name": "tools", "template": "x"}, {"name": "default", "template": text}]
        edit(case.folder / name, {"chat_template": named})
    assert case.make().generate(images(case.make()), questions) == expected


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{{ messages[0]['content'][1]['text'] }}", "writes <image> 0 times for one image"),
        ("<image><image>{{ messages[0]['content'][1]['text'] }}", "writes <image> 2 times"),
        ("<image>Describe.", "leaves out what is asked"),
        ("{{ raise_exception('no images') }}", "cannot be followed: TemplateError: no images"),
        ("{{ messages[0].__class__.__mro__[1].__subclasses__() }}", "cannot be followed: Security"),
        ("{% for %}", "cannot be followed: TemplateSyntaxError"),
    ],
)
def test_templates_must_fit(copied: Any, images: Any, text: str, said: str) -> None:
    case = copied("llava")
    _template(case, text)
    with pytest.raises(RatevalError, match=said):
        model = case.make()
        model.generate(images(model), ("red?",) * 3)


def test_a_tokenizer_must_know_the_image(copied: Any, edit: Any, images: Any) -> None:
    case = copied("llava")
    edit(case.folder / CONFIG, {"image_token_index": 9999, "image_token_id": 9999})
    _refused(case, "tokenizer.json: has no word 9999")
    case = copied("smolvlm")
    path = case.folder / "tokenizer.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    content["added_tokens"] = [
        one for one in content["added_tokens"] if one["content"] != "<image>"
    ]
    path.write_text(json.dumps(content), encoding="utf-8")
    model = case.make()
    with pytest.raises(RatevalError, match="makes 0 image tokens of a prompt with 4, as many as"):
        model.generate(images(model), ("red?",) * 3)
    path.write_text("{}", encoding="utf-8")
    _refused(case, "tokenizer.json: the tokenizer cannot be read")
    path.unlink()
    _refused(case, "lacks tokenizer.json")


def test_a_tokenizer_of_more_words_is_refused(copied: Any, edit: Any) -> None:
    case = copied("llava")
    edit(case.folder / CONFIG, {"text_config": {"vocab_size": 20}})
    _refused(case, r"its tokenizer has \d+ words, but its model 20")


def test_code_of_a_tokenizer_is_refused(copied: Any, edit: Any) -> None:
    case = copied("llava")
    edit(case.folder / "tokenizer_config.json", {"auto_map": {"AutoTokenizer": ["evil.T", None]}})
    _refused(case, "tokenizer_config.json: auto_map = .*never runs any")


def test_a_class_that_a_tokenizer_names_is_not_looked_for(
    copied: Any, edit: Any, images: Any, questions: Any
) -> None:
    case = copied("qwen2_vl")
    expected = case.make().generate(images(case.make()), questions)
    edit(case.folder / "tokenizer_config.json", {"tokenizer_class": "Qwen2Tokenizer", "odd": 1})
    assert case.make().generate(images(case.make()), questions) == expected


def test_ends_come_from_the_folder(copied: Any, edit: Any) -> None:
    case = copied("llava")
    path = case.folder / "generation_config.json"
    edit(path, {"eos_token_id": [7, 9]})
    assert read_ends(case.folder, {"text_config": {"eos_token_id": 3}}) == (7, 9)
    edit(path, {"eos_token_id": None})
    assert read_ends(case.folder, {"text_config": {"eos_token_id": 3}}) == (3,)
    assert read_ends(case.folder, {"eos_token_id": 5}) == (5,)
    path.unlink()
    assert read_ends(case.folder, {}) == ()


def test_older_qwen_folders_hold_their_text_beside_the_tower(
    copied: Any, images: Any, questions: Any
) -> None:
    case = copied("qwen2_vl")
    expected = case.make().generate(images(case.make()), questions)
    path = case.folder / CONFIG
    content = json.loads(path.read_text(encoding="utf-8"))
    text = content.pop("text_config")
    text.pop("model_type")
    content["vision_config"]["model_type"] = "qwen2_vl"
    content = text | content
    path.write_text(json.dumps(content), encoding="utf-8")
    assert case.make().generate(images(case.make()), questions) == expected


def test_digests_name_what_determines_the_model(copied: Any, edit: Any) -> None:
    case = copied("smolvlm")
    params = VlmParams(folder=str(case.folder))
    first = digest(params)
    (case.folder / "README.md").write_text("x", encoding="utf-8")
    assert digest(params) == first
    path = case.folder / "chat_template.jinja"
    text = path.read_text(encoding="utf-8")
    path.write_text(text + " ", encoding="utf-8")
    assert digest(params) != first
    path.write_text(text, encoding="utf-8")
    assert digest(params) == first
    edit(case.folder / "generation_config.json", {"eos_token_id": 4})
    assert digest(params) != first
