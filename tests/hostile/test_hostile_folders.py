"""A model's folder holds data: what else it asks for is refused by name, and nothing happens."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

MakeFolder = Callable[[str], Path]
Edit = Callable[..., None]
Command = Callable[..., tuple[int, str]]
COMMANDS = (("run",), ("model", "check"))
OPEN_CLIP, TOKENIZER = "open_clip_config.json", "tokenizer_config.json"
VISION, TEXT = ("model_cfg", "vision_cfg"), ("model_cfg", "text_cfg")
TOKENS = (*TEXT, "tokenizer_kwargs")
CODE = {"AutoConfig": "evil.Evil", "AutoTokenizer": ["evil.Evil", "evil.Evil"]}
HUB = "hf-hub:someone/else"

# Kind of model, file, path of keys, value.
HOSTILE: tuple[tuple[str, str, tuple[str, ...], Any], ...] = (
    ("clip", OPEN_CLIP, (*TOKENS, "trust_remote_code"), True),
    ("clip", OPEN_CLIP, (*TOKENS, "local_files_only"), False),
    ("clip", OPEN_CLIP, (*TOKENS, "bpe_path"), "evil.py"),
    ("clip", OPEN_CLIP, (*TOKENS, "clean"), "evil"),
    ("clip", OPEN_CLIP, (*VISION, "timm_model_name"), HUB),
    ("clip", OPEN_CLIP, (*VISION, "timm_model_name"), "local-dir:evil"),
    ("clip", OPEN_CLIP, (*VISION, "width"), True),
    ("clip", OPEN_CLIP, (*VISION, "layers"), -1),
    ("clip", OPEN_CLIP, (*VISION, "layers"), 10**9),
    ("clip", OPEN_CLIP, (*VISION, "image_size"), "32"),
    ("clip", OPEN_CLIP, (*TEXT, "hf_tokenizer_name"), HUB),
    ("clip", OPEN_CLIP, (*TEXT, "norm_kwargs"), {"device": "cuda"}),
    ("clip", OPEN_CLIP, ("preprocess_cfg", "std"), [0.5, 0.0, 0.5]),
    ("clip", OPEN_CLIP, ("preprocess_cfg", "mean"), ["a", "b", "c"]),
    ("clip", OPEN_CLIP, ("preprocess_cfg", "mean"), [0.5]),
    ("clip", OPEN_CLIP, ("preprocess_cfg",), [1]),
    ("clip", OPEN_CLIP, ("model_cfg",), [1]),
    ("clip", TOKENIZER, ("auto_map",), CODE),
    ("clip", TOKENIZER, ("tokenizer_class",), "RagTokenizer"),
    ("clip", TOKENIZER, ("vocab_file",), "/dev/zero"),
    ("clip", "config.json", ("auto_map",), CODE),
    ("hf-clip", "config.json", ("auto_map",), CODE),
    ("hf-clip", "config.json", ("attn_implementation",), "someone/kernel"),
    ("hf-clip", "config.json", ("quantization_config",), {"quant_method": "gptq"}),
    ("hf-clip", "config.json", ("vision_config",), [1]),
    ("hf-clip", "config.json", ("vision_config", "hidden_size"), True),
    ("hf-clip", "config.json", ("text_config", "vocab_size"), 10**12),
    ("hf-clip", "config.json", ("model_type",), ["clip"]),
    ("hf-clip", TOKENIZER, ("auto_map",), CODE),
    ("hf-clip", TOKENIZER, ("tokenizer_class",), "Evil"),
    ("hf-clip", "preprocessor_config.json", ("auto_map",), CODE),
    ("hf-clip", "preprocessor_config.json", ("image_std",), [0.5, 0.5, 0]),
    ("hf-clip", "preprocessor_config.json", ("image_mean",), ["a", 0, 0]),
    ("hf-clip", "preprocessor_config.json", ("rescale_factor",), "much"),
    ("hf-clip", "preprocessor_config.json", ("crop_size", "height"), -3),
    ("blip-hf", "config.json", ("auto_map",), CODE),
    ("blip-hf", "config.json", ("attn_implementation",), "someone/kernel"),
    ("blip-hf", "config.json", ("logit_scale_init_value",), -1e9),
    ("blip-hf", "config.json", ("vision_config", "num_hidden_layers"), 10**9),
    ("albef", "size.json", ("auto_map",), CODE),
    ("albef", "size.json", ("depth",), -1),
    ("blip", "size.json", ("width",), True),
    ("blip", "size.json", ("heads",), "2"),
)
IDS = [f"{kind}-{'.'.join(path)}-{value!s:.20}" for kind, _, path, value in HOSTILE]


def _refused_at_once(answer: tuple[int, str], reason: str) -> None:
    code, said = answer
    assert (code, "Traceback" in said) == (2, False), said
    assert reason in said
    assert _written() <= {Path("runs/store")}  # which is empty


def _written() -> set[Path]:
    return set(Path("runs").rglob("*"))


@pytest.mark.parametrize(("kind", "file", "path", "value"), HOSTILE, ids=IDS)
def test_what_is_not_named_is_refused(
    make_folder: MakeFolder,
    edit: Edit,
    command: Command,
    watch: list[str],
    kind: str,
    file: str,
    path: tuple[str, ...],
    value: Any,
) -> None:
    folder = make_folder(kind)
    edit(folder / file, *path, to=value)
    code, said = command(kind, folder, "model", "check")
    assert (code, watch) == (2, []), said
    assert "Traceback" not in said
    assert path[-1] in said
    assert str(folder / file) in said or path[-1] == "hf_tokenizer_name"
    _refused_at_once(command(kind, folder, "run", beside=True), said)


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_a_folder_that_trusts_itself_runs_nothing(
    make_folder: MakeFolder, edit: Edit, command: Command, watch: list[str], words: tuple[str, ...]
) -> None:
    folder = make_folder("clip")
    edit(folder / OPEN_CLIP, *TOKENS, "trust_remote_code", to=True)
    edit(folder / TOKENIZER, "auto_map", to={"AutoTokenizer": ["evil.Evil", "evil.Evil"]})
    edit(folder / TOKENIZER, "tokenizer_class", to="Evil")
    code, said = command("clip", folder, *words)
    assert (code, watch) == (2, []), said
    assert _written() <= {Path("runs/store")}
    assert "trust_remote_code = True" in said
    assert "Traceback" not in said


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
@pytest.mark.parametrize("kind", ["clip", "hf-clip"])
def test_a_tokenizer_with_code_runs_nothing(
    make_folder: MakeFolder,
    edit: Edit,
    command: Command,
    watch: list[str],
    kind: str,
    words: tuple[str, ...],
) -> None:
    folder = make_folder(kind)
    edit(folder / TOKENIZER, "auto_map", to={"AutoTokenizer": ["evil.Evil", "evil.Evil"]})
    code, said = command(kind, folder, *words)
    assert (code, watch) == (2, []), said
    assert _written() <= {Path("runs/store")}
    assert "auto_map" in said


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        *((kind, b"[PAD]\n[UNK]\n") for kind in ("albef", "blip", "blip-hf")),
        *((kind, b"\xff") for kind in ("albef", "blip", "blip-hf")),
    ],
)
def test_a_folder_with_another_vocabulary_is_refused_before_anything_is_computed(
    make_folder: MakeFolder, command: Command, watch: list[str], kind: str, content: bytes
) -> None:
    folder = make_folder(kind)
    (folder / "vocab.txt").write_bytes(content)
    _refused_at_once(command(kind, folder, "run", beside=True), str(folder / "vocab.txt"))
    assert watch == []


@pytest.mark.parametrize("kind", ["clip", "hf-clip", "albef", "blip", "blip-hf"])
def test_a_sound_folder_is_opened(
    make_folder: MakeFolder, command: Command, watch: list[str], kind: str
) -> None:
    folder = make_folder(kind)
    code, said = command(kind, folder, "model", "check")
    assert (code, watch) == (0, []), said


@pytest.mark.parametrize(
    "parts",
    [
        ["a"],
        {"weight": "../model.safetensors"},
        {"weight": 3},
        {"w": "a" * 300},
        {"w": "a\0b"},
        None,
    ],
)
def test_an_index_names_files_beside_it(
    make_folder: MakeFolder, edit: Edit, command: Command, watch: list[str], parts: Any
) -> None:
    folder = make_folder("hf-clip")
    (folder / "model.safetensors").rename(folder.parent / "model.safetensors")
    edit(folder / "model.safetensors.index.json", "weight_map", to=parts)
    code, said = command("hf-clip", folder, "model", "check")
    assert (code, watch) == (2, []), said
    assert "weight_map" in said
    assert "Traceback" not in said
    _refused_at_once(command("hf-clip", folder, "run", beside=True), said)


DEEP = 100_000
NOT_READ = (
    '{"a":' * DEEP + "1" + "}" * DEEP,
    '{"a":' + "[" * DEEP + "]" * DEEP + "}",
    '{"a":' + "9" * 5000 + "}",
    "\0" * 100,
)
READ = {
    "clip": [OPEN_CLIP, TOKENIZER, "tokenizer.json"],
    "hf-clip": ["config.json", "preprocessor_config.json", TOKENIZER, "tokenizer.json"],
    "albef": ["size.json"],
    "blip": ["size.json", "vocab.txt"],
    "blip-hf": ["config.json"],
}
"""JSON files of each kind's folder, and the vocabulary."""


@pytest.mark.parametrize(
    ("kind", "file"), [(k, file) for k, files in READ.items() for file in files]
)
def test_no_file_of_a_model_is_nested_without_end_or_holds_a_number_without_end(
    make_folder: MakeFolder, command: Command, watch: list[str], kind: str, file: str
) -> None:
    folder = make_folder(kind)
    assert (folder / file).is_file()
    for content in NOT_READ:
        (folder / file).write_text(content, encoding="utf-8")
        code, said = command(kind, folder, "model", "check")
        assert (code, watch) == (2, []), said
        assert "Traceback" not in said
        assert str(folder) in said
        assert len(said) < 3000
    # The tokenizer's vocabulary is read by the library, when prompts are first split.
    code, said = command(kind, folder, "run", beside=file != "tokenizer.json")
    assert (code, watch) == (1 if file == "tokenizer.json" else 2, []), said
    assert "Traceback" not in said


@pytest.mark.parametrize("content", ["[1]", "3", "[" * 100_000, "\ud800".join('""')])
@pytest.mark.parametrize(
    ("kind", "file"), [("clip", OPEN_CLIP), ("hf-clip", TOKENIZER), ("blip-hf", "config.json")]
)
def test_json_that_is_no_object(
    make_folder: MakeFolder, command: Command, watch: list[str], kind: str, file: str, content: str
) -> None:
    folder = make_folder(kind)
    (folder / file).write_bytes(content.encode("utf-8", "surrogatepass"))
    code, said = command(kind, folder, "model", "check")
    assert (code, watch) == (2, []), said
    assert file in said
    assert "Traceback" not in said
    _refused_at_once(command(kind, folder, "run", beside=True), said)


@pytest.mark.parametrize(
    ("kind", "digest", "params"),
    [
        ("clip", "rateval_clip.identity", "ClipParams(architecture=folder)"),
        ("hf-clip", "rateval_hf.files", "HfClipParams(folder=folder)"),
        ("albef", "rateval_vlp.files", "AlbefParams(pretrained=folder)"),
        ("blip", "rateval_vlp.files", "BlipParams(pretrained=folder)"),
        ("blip-hf", "rateval_vlp.files", "BlipParams(pretrained=folder)"),
    ],
)
def test_a_folder_is_checked_without_torch(
    make_folder: MakeFolder, kind: str, digest: str, params: str
) -> None:
    code = (
        f"import sys; from {digest} import *; folder = sys.argv[1]\n"
        f"assert len(digest({params})) == 64\n"
        "print({'torch', 'open_clip', 'timm', 'transformers'} & set(sys.modules))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code, str(make_folder(kind))],
        capture_output=True,
        text=True,
        check=True,
    )
    assert ran.stdout.strip() == "set()"
