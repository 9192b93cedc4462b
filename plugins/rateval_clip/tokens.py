"""The tokenizer that belongs to a CLIP, from files at hand only."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import torch
from open_clip.tokenizer import HFTokenizer, SimpleTokenizer

from rateval.api import RatevalError
from rateval.modelkit import tokenizer_options
from rateval_clip.tokenizer_files import folder_of, read_options

Tokenizer = Callable[[list[str]], torch.Tensor]
CONTEXT_LENGTH = 77


def make_tokenizer(text_config: Mapping[str, Any], folder: Path | None, name: str) -> Tokenizer:
    """Make what turns K strings into (K, T) int64 ids.

    It is CLIP's byte-pair encoding, which open_clip carries, unless the config names a tokenizer of
    transformers; that one is read from ``folder``, else from the user's cache. Raises RatevalError
    when its files are not there.
    """
    context_length = text_config.get("context_length", CONTEXT_LENGTH)
    options = read_options(text_config, name)
    named = text_config.get("hf_tokenizer_name")
    tokenizer: Tokenizer
    if not named:
        tokenizer = SimpleTokenizer(context_length=context_length, **options)
        return tokenizer
    try:
        source = folder or folder_of(named)
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
