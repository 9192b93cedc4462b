"""The files of a writing model's folder, and a digest of them. This module imports no torch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rateval.api import RatevalError
from rateval.modelkit import digest_files, is_index, locate_shards, read_json
from rateval_hf.options import CONFIG_NAME
from rateval_hf.writing.options import read_config
from rateval_hf.writing.params import VlmParams

TOKENIZER = "tokenizer.json"
_TOKENIZER_CONFIG = "tokenizer_config.json"
_SPECIAL_TOKENS = ("bos_token", "eos_token", "pad_token", "unk_token")
_WEIGHTS = ("model.safetensors", "model.safetensors.index.json")
TEXT_FILES = {".json", ".jinja"}
"""Endings of what a folder holds besides weights: config, tokenizer, processor and template."""


def folder_of(params: VlmParams) -> Path:
    """Return the folder as a path."""
    return Path(params.folder).expanduser()


def locate_weights(folder: Path) -> tuple[Path, ...]:
    """Find the file or files that hold the weights, as safetensors.

    Raises RatevalError when there are none, when one of several is missing, and where an adapter
    lies beside them, which transformers would add.
    """
    adapter = folder / "adapter_config.json"
    if adapter.is_file():
        raise RatevalError(
            f"{adapter}: the folder holds an adapter; merge it into its model and save that as a "
            "whole, or take the file out"
        )
    path = next((folder / name for name in _WEIGHTS if (folder / name).is_file()), None)
    if path is None:
        others = next((f"; {found.name} may run code when read" for found in _pickled(folder)), "")
        raise RatevalError(
            f"{folder}: the folder holds neither {' nor '.join(_WEIGHTS)}{others}; give a folder "
            "whose weights are saved as safetensors"
        )
    return locate_shards(path) if is_index(path) else (path,)


def _pickled(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.iterdir()) if path.suffix in (".bin", ".pt", ".pth")]


def locate_tokenizer(folder: Path) -> Path:
    """Find tokenizer.json. Raises RatevalError when the folder has none."""
    path = folder / TOKENIZER
    if not path.is_file():
        raise RatevalError(
            f"{folder}: lacks {TOKENIZER}, which splits texts; save the model's fast tokenizer "
            "into it"
        )
    return path


def read_special_tokens(folder: Path) -> dict[str, str]:
    """Return which words begin, end and fill a text, as far as the tokenizer's config says.

    Nothing else of that file is read. Raises RatevalError when it asks for code.
    """
    path = folder / _TOKENIZER_CONFIG
    content = read_json(path) if path.is_file() else {}
    if content.get("auto_map") is not None:
        raise RatevalError(
            f"{path}: auto_map = {content['auto_map']!r:.100}: asks for code of the folder's own, "
            "and a model's folder never runs any; give a model that transformers knows"
        )
    found = {name: _word(content.get(name)) for name in _SPECIAL_TOKENS}
    return {name: word for name, word in found.items() if word is not None}


def _word(given: Any) -> str | None:
    """Return a special token as text, however it is written.

    >>> _word("<s>"), _word({"content": "</s>", "lstrip": False}), _word(None)
    ('<s>', '</s>', None)
    """
    given = given.get("content") if isinstance(given, dict) else given
    return given if isinstance(given, str) else None


def read_template(folder: Path) -> tuple[str, Path]:
    """Return the folder's chat template and the file that holds it; the processor's comes first.

    Raises RatevalError when there is none.
    """
    path = folder / "chat_template.jinja"
    if path.is_file():
        try:
            return path.read_text(encoding="utf-8"), path
        except (OSError, UnicodeDecodeError) as error:
            raise RatevalError(
                f"{path}: cannot be read: {error}; save the model's processor again"
            ) from error
    for name in ("chat_template.json", "processor_config.json", _TOKENIZER_CONFIG):
        path = folder / name
        given = read_json(path).get("chat_template") if path.is_file() else None
        if isinstance(given, list):  # several of them, by names
            named = {one.get("name"): one.get("template") for one in given if isinstance(one, dict)}
            given = named.get("default")
        if isinstance(given, str) and given:
            return given, path
    raise RatevalError(
        f"{folder}: has no chat template, neither in chat_template.jinja nor in "
        f"chat_template.json or {_TOKENIZER_CONFIG}; without it nobody knows how the model is "
        "asked: save the model's processor into the folder"
    )


def read_ends(folder: Path, options: dict[str, Any]) -> tuple[int, ...]:
    """Return the ids that end an answer by the folder's files; empty where none says.

    generation_config.json comes first, then the config's ``options``.
    """
    path = folder / "generation_config.json"
    said = read_json(path).get("eos_token_id") if path.is_file() else None
    for table in (options, options.get("text_config") or {}):
        said = table.get("eos_token_id") if said is None else said
    found = said if isinstance(said, list) else [said]
    return tuple(one for one in found if isinstance(one, int))


def digest(params: VlmParams) -> str:
    """Return a sha256 in hex of the bytes that determine the model besides its params.

    They are the weights and every config, template and tokenizer file of the folder. Raises
    RatevalError when one is missing or cannot be read, and for a config that is not supported.
    """
    folder = folder_of(params)
    read_config(folder / CONFIG_NAME)
    locate_tokenizer(folder)
    read_template(folder)
    weights = locate_weights(folder)
    texts = (path for path in folder.iterdir() if path.suffix in TEXT_FILES)
    return digest_files({path.name: path for path in (*texts, *weights)})
