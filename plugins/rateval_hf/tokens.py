"""A folder's tokenizer, from files at hand only."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from transformers import AutoTokenizer

from rateval.api import RatevalError
from rateval.modelkit import tokenizer_options


def read_tokenizer(folder: Path) -> Any:
    """Read a folder's tokenizer.

    Raises RatevalError when its files are absent, or need code or a library that is not here.
    """
    try:
        # What is not local is not looked for; code in the folder is never run.
        tokenizer: Any = AutoTokenizer.from_pretrained(str(folder), **tokenizer_options(folder))
    except RatevalError:
        raise
    except Exception as error:  # each tokenizer class has errors of its own
        reason = str(error).strip().partition("\n")[0]
        raise RatevalError(
            f"{folder}: its tokenizer cannot be read: {type(error).__name__}: {reason}; put "
            "its files (tokenizer.json and tokenizer_config.json) into the folder"
        ) from error
    return tokenizer


class Tokens:
    """A tokenizer of transformers that turns prompts into token ids of a fixed length."""

    def __init__(self, tokenizer: Any, length: int, vocabulary_size: int, folder: object) -> None:
        """Take a tokenizer, which messages say is of ``folder``.

        Raises RatevalError when it has more words than the model.
        """
        self._folder = folder
        self._length = length
        self._tokenizer = tokenizer
        found = len(tokenizer)
        if found > vocabulary_size:
            raise RatevalError(
                f"{folder}: its tokenizer has {found} words, but its model {vocabulary_size}; with "
                "another vocabulary than the one it was trained with, its prompts mean nothing: "
                "give the tokenizer that belongs to it"
            )

    def __call__(self, prompts: Sequence[str]) -> torch.Tensor:
        """Turn K prompts into (K, T) int64 ids, cut or padded to T.

        SigLIP was trained on padded prompts and reads the last token, whatever it is; CLIP reads
        none behind the end token. Raises RatevalError when the files make no tokenizer that pads.
        """
        try:
            ids: torch.Tensor = self._tokenizer(
                list(prompts),
                padding="max_length",
                truncation=True,
                max_length=self._length,
                return_tensors="pt",
            )["input_ids"]
        except Exception as error:  # the tokenizer's files are the only cause there is
            reason = str(error).strip().partition("\n")[0]
            raise RatevalError(
                f"{self._folder}: its tokenizer cannot split prompts: {type(error).__name__}: "
                f"{reason}; give the tokenizer that belongs to the model"
            ) from error
        return ids
