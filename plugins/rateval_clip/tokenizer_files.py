"""The files of a CLIP's tokenizer, and what may be asked of them. This module imports no torch."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rateval.api import RatevalError
from rateval.modelkit import check_tokenizer


def check_tokenizer_files(text_config: Mapping[str, Any], folder: Path | None, name: str) -> None:
    """Raise RatevalError when the files that ``text_config`` names ask for what they may not.

    ``folder`` is the model's own, ``name`` what messages call it. Files that are not on this
    machine are no fault here: token ids need none.
    """
    read_options(text_config, name)
    found = locate_tokenizer(text_config, folder)
    if text_config.get("hf_tokenizer_name") and found is not None:
        check_tokenizer(found)


def read_options(text_config: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return the options of ``text_config`` that reach open_clip's tokenizer class.

    Raises RatevalError for one of transformers' tokenizers where ``text_config`` names none.
    """
    options = dict(text_config.get("tokenizer_kwargs") or {})
    if text_config.get("tokenizer_mode"):
        options["tokenizer_mode"] = text_config["tokenizer_mode"]
    if not text_config.get("hf_tokenizer_name"):
        _require_own_options(options, name)
    return options


def _require_own_options(options: Mapping[str, Any], name: str) -> None:
    others = sorted(key for key in options if key != "clean")
    if others:
        raise RatevalError(
            f"{name}: {others[0]} is an option of transformers' tokenizers, and text_cfg names "
            "none, so that it is open_clip's own; leave it out, or set hf_tokenizer_name"
        )


def locate_tokenizer(text_config: Mapping[str, Any], folder: Path | None) -> Path | None:
    """Find the folder with the tokenizer's files, which may be the model's own ``folder``.

    None where open_clip brings the tokenizer, and where its files are not on this machine.
    """
    named = text_config.get("hf_tokenizer_name")
    if folder is not None or not named:
        return folder
    try:
        return folder_of(named)
    except (FileNotFoundError, ValueError):
        return None


def folder_of(tokenizer: str) -> Path:
    """Find a tokenizer's folder by its path, or by its name in the user's cache.

    transformers would ask the network about a bare name, even when asked to stay local. Raises
    FileNotFoundError, and ValueError for what is no name. Needs huggingface_hub.
    """
    import huggingface_hub

    try:
        if Path(tokenizer).is_dir():
            return Path(tokenizer)
    except OSError as error:  # a name that is too long for a path
        raise FileNotFoundError(tokenizer) from error
    for file in ("tokenizer_config.json", "tokenizer.json"):
        path = huggingface_hub.try_to_load_from_cache(tokenizer, file)
        if isinstance(path, str):
            return Path(path).parent
    raise FileNotFoundError(tokenizer)
