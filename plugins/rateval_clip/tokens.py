"""The tokenizer that belongs to a CLIP, from files at hand only."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import huggingface_hub
import torch
from open_clip.tokenizer import HFTokenizer, SimpleTokenizer

from rateval.api import RatevalError
from rateval.modelkit import tokenizer_options

Tokenizer = Callable[[list[str]], torch.Tensor]
CONTEXT_LENGTH = 77


def make_tokenizer(text_config: Mapping[str, Any], folder: Path | None, name: str) -> Tokenizer:
    """Make what turns K strings into (K, T) int64 ids.

    It is CLIP's byte-pair encoding, which open_clip carries, unless the config names a tokenizer of
    transformers; that one is read from ``folder``, else from the user's cache. Raises RatevalError
    when its files are not there.
    """
    context_length = text_config.get("context_length", CONTEXT_LENGTH)
    options = dict(text_config.get("tokenizer_kwargs") or {})
    if text_config.get("tokenizer_mode"):
        options["tokenizer_mode"] = text_config["tokenizer_mode"]
    named = text_config.get("hf_tokenizer_name")
    tokenizer: Tokenizer
    if not named:
        _require_own_options(options, name)
        tokenizer = SimpleTokenizer(context_length=context_length, **options)
        return tokenizer
    try:
        source = folder or _folder_of(named)
        tokenizer = HFTokenizer(
            str(source),
            context_length=context_length,
            **options,
            **tokenizer_options(source),
        )
    except RatevalError:
        raise
    except Exception as error:  # each tokenizer class has errors of its own
        if folder is not None:
            mend = "put its files (tokenizer.json, tokenizer_config.json) into that folder"
        else:
            mend = (
                f"fetch them into Hugging Face's cache with `hf download {named} --include "
                '"*token*" "spiece.model"`, or give a folder with open_clip_config.json, weights '
                "and tokenizer as architecture"
            )
        raise RatevalError(
            f"{name}: the tokenizer {str(folder or named)!r} is not on this machine, or cannot be "
            f"read, and rateval downloads nothing in a run; {mend}"
        ) from error
    return partial(_split, tokenizer, name)


def _split(tokenizer: Tokenizer, name: str, prompts: list[str]) -> torch.Tensor:
    try:
        return tokenizer(prompts)
    except Exception as error:  # the tokenizer's files are the only cause there is
        reason = str(error).strip().partition("\n")[0]
        raise RatevalError(
            f"{name}: its tokenizer cannot split prompts: {type(error).__name__}: {reason}; give "
            "the tokenizer that belongs to it"
        ) from error


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
        return _folder_of(named)
    except (FileNotFoundError, ValueError):
        return None


def _folder_of(tokenizer: str) -> Path:
    """Find a tokenizer's folder by its path, or by its name in the user's cache.

    transformers would ask the network about a bare name, even when asked to stay local.
    """
    if Path(tokenizer).is_dir():
        return Path(tokenizer)
    for file in ("tokenizer_config.json", "tokenizer.json"):
        path = huggingface_hub.try_to_load_from_cache(tokenizer, file)
        if isinstance(path, str):
            return Path(path).parent
    raise FileNotFoundError(tokenizer)
