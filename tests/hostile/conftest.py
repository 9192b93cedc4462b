"""Small folders of every kind of model, and a watch on code, processes and the network."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import (
    BlipConfig,
    BlipForImageTextRetrieval,
    CLIPConfig,
    CLIPModel,
    PreTrainedTokenizerFast,
)

from rateval.api import Context
from rateval.cli.main import main

WORDS = ("<pad>", "<unk>", "</s>", "a", "photo", "of")
CLIP: dict[str, Any] = {
    "embed_dim": 12,
    "vision_cfg": {"image_size": 32, "patch_size": 8, "width": 32, "head_width": 16, "layers": 2},
    "text_cfg": {
        "context_length": 8,
        "vocab_size": 20,
        "width": 16,
        "heads": 2,
        "layers": 1,
        "hf_tokenizer_name": "someone/words",
    },
}
SIZE = {
    "image_size": 32,
    "patch_size": 8,
    "width": 32,
    "depth": 2,
    "heads": 2,
    "text_width": 24,
    "text_layers": 2,
    "text_heads": 2,
    "text_intermediate": 40,
    "vocabulary_size": 20,
    "max_positions": 36,
    "embedding": 12,
}
TOWER = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
_WATCHED = ("socket.connect", "socket.getaddrinfo", "subprocess.Popen", "os.system")
_seen: list[str] | None = None


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    if _seen is None:
        return
    if event == "subprocess.Popen" and Path(str(arguments[0])).name in ("git", "uname"):
        return  # the run's own record of its version and machine
    if event in _WATCHED:
        _seen.append(f"{event} {arguments[0]}")
        raise PermissionError(f"{event} while a model's folder is read")
    if event == "exec" and "evil" in str(getattr(arguments[0], "co_filename", "")):
        _seen.append(event)


sys.addaudithook(_hook)


@pytest.fixture
def watch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Yield what happened that must not; the marker of the hostile module is part of it."""
    global _seen
    cache = str(tmp_path / "modules")
    monkeypatch.setattr("transformers.dynamic_module_utils.HF_MODULES_CACHE", cache)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(sys, "path", list(sys.path))
    found: list[str] = []
    _seen = found
    try:
        yield found
    finally:
        _seen = None
    assert not (tmp_path / "executed").exists()
    assert found == []


@pytest.fixture
def edit() -> Callable[..., None]:
    """Change what stands at a path of keys in a JSON file."""

    def change(file: Path, *path: str, to: Any) -> None:
        content = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
        inner = content
        for key in path[:-1]:
            inner = inner.setdefault(key, {})
        inner[path[-1]] = to
        file.write_text(json.dumps(content), encoding="utf-8")

    return change


def _add_tokenizer(folder: Path, marker: Path) -> None:
    vocabulary = {word: index for index, word in enumerate(WORDS)}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    make: Any = PreTrainedTokenizerFast
    special = {"pad_token": "<pad>", "unk_token": "<unk>", "eos_token": "</s>"}
    make(tokenizer_object=tokenizer, **special).save_pretrained(folder)
    (folder / "evil.py").write_text(
        f"open({str(marker)!r}, 'w').close()\n"
        "from transformers import PreTrainedTokenizerFast\n"
        "class Evil(PreTrainedTokenizerFast): pass\n",
        encoding="utf-8",
    )


@pytest.fixture
def make_folder(tmp_path: Path) -> Callable[[str], Path]:
    """Return a function that makes a sound folder of a model, with a module that nobody runs."""

    def make(kind: str) -> Path:
        folder = tmp_path / kind
        folder.mkdir()
        if kind == "clip":
            from rateval_clip.model import make_clip
            from rateval_clip.params import ClipParams

            clip = make_clip(ClipParams(architecture=CLIP, pretrained="random"), Context())
            clip.export_checkpoint(folder)
        elif kind == "hf-clip":
            _save_hf_clip(folder)
        elif kind == "blip-hf":
            _save_blip(folder)
        else:
            _save_official(kind, folder)
        if kind in ("clip", "hf-clip"):
            _add_tokenizer(folder, tmp_path / "executed")
        else:
            words = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", *(f"w{i}" for i in range(16)))
            (folder / "vocab.txt").write_text("\n".join(words) + "\n", encoding="utf-8")
        return folder

    return make


def _save_hf_clip(folder: Path) -> None:
    vision = TOWER | {"image_size": 32, "patch_size": 8, "intermediate_size": 48}
    text = TOWER | {"vocab_size": 20, "max_position_embeddings": 8, "intermediate_size": 40}
    text |= {"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2}
    model: Any = CLIPModel(CLIPConfig(vision_config=vision, text_config=text, projection_dim=12))
    model.save_pretrained(folder)
    sizes = {"size": {"shortest_edge": 32}, "crop_size": {"height": 32, "width": 32}}
    (folder / "preprocessor_config.json").write_text(json.dumps(sizes), encoding="utf-8")


def _save_blip(folder: Path) -> None:
    vision = TOWER | {"image_size": 32, "patch_size": 8, "intermediate_size": 128}
    text = TOWER | {"vocab_size": 20, "max_position_embeddings": 36, "intermediate_size": 40}
    config = BlipConfig(vision_config=vision, text_config=text, image_text_hidden_size=12)
    model: Any = BlipForImageTextRetrieval(config)
    model.save_pretrained(folder)


def _save_official(kind: str, folder: Path) -> None:
    from rateval_vlp.model import make_albef, make_blip
    from rateval_vlp.params import AlbefParams, BlipParams

    given: dict[str, Any] = {"pretrained": "random", "size": SIZE}
    if kind == "albef":
        make_albef(AlbefParams(**given), Context()).export_checkpoint(folder)
    else:
        make_blip(BlipParams(**given), Context()).export_checkpoint(folder)


@pytest.fixture
def command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str]]:
    """Run a command of rateval on a spec with one model; return its exit code and complaint.

    With ``beside`` a sound model stands before that one.
    """
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "2000")

    def run(kind: str, folder: Path, *words: str, beside: bool = False) -> tuple[int, str]:
        use = "blip" if kind == "blip-hf" else kind
        key = {"clip": "architecture", "hf-clip": "folder"}.get(kind, "pretrained")
        sound = f'[[model]]\nuse = "{"clip" if use == "blip" else "blip"}"\n' if beside else ""
        spec = tmp_path / "spec.toml"
        spec.write_text(
            '[study]\nname = "small"\n[[dataset]]\nuse = "shapes"\ntrain_size = 8\ntest_size = 8\n'
            f'{sound}[[model]]\nuse = "{use}"\n{key} = "{folder}"\n'
            '[[finetune]]\nuse = "zs"\n[run]\ndevice = "cpu"\n',
            encoding="utf-8",
        )
        capsys.readouterr()
        code = main([*words, str(spec)])
        torch.manual_seed(0)
        return code, capsys.readouterr().err

    return run
