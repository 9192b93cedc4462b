"""Turn prompts into token ids by a vocabulary on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from rateval.api import RatevalError
from rateval_lavis.architecture import Architecture
from rateval_lavis.files import VOCABULARY_NAME
from rateval_lavis.upstream import BertTokenizer

_SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]")
# BLIP adds [DEC] and [ENC], which the contrast of image and text never uses.
_ADDED = {"albef": 0, "blip": 2}


class Tokenizer:
    """Split prompts as LAVIS does: BERT's pieces, lower-cased, between [CLS] and [SEP]."""

    def __init__(self, path: Path | None, architecture: Architecture, rows: int) -> None:
        """Read a vocab.txt for a word embedding of so many ``rows``.

        Raises RatevalError when it is absent or damaged, or when its size is not that of the word
        embedding.
        """
        if path is None:
            raise RatevalError(
                f"{architecture.name}: no vocabulary on this machine: {VOCABULARY_NAME} of "
                "huggingface.co/google-bert/bert-base-uncased is neither given nor in your Hugging "
                "Face cache, and rateval downloads nothing in a run; set vocabulary to the path of "
                "that file, which `rateval model fetch bert-vocabulary` downloads"
            )
        self._bert = _read(path)
        self._length = architecture.text_length
        if not rows - _ADDED[architecture.family] <= self._bert.vocab_size <= rows:
            raise RatevalError(
                f"{path}: has {self._bert.vocab_size} words, but the word embedding of "
                f"{architecture.name} has {rows} rows; with another vocabulary than the one it was "
                "trained with, its prompts mean nothing: give that one"
            )

    def __call__(self, prompts: list[str]) -> torch.Tensor:
        """Turn K prompts into (K, T) int64 ids, T the longest's, the others padded to it."""
        encoded = self._bert(
            prompts, padding=True, truncation=True, max_length=self._length, return_tensors="pt"
        )
        ids: torch.Tensor = encoded.input_ids
        return ids


def _read(path: Path) -> Any:
    try:
        tokenizer = BertTokenizer(vocab_file=str(path), do_lower_case=True)
    except (OSError, ValueError) as error:
        raise RatevalError(f"{path}: not a readable vocabulary: {error}") from error
    absent = [word for word in _SPECIAL if word not in tokenizer.vocab]
    if absent:
        raise RatevalError(
            f"{path}: not a WordPiece vocabulary (one word a line): it lacks {', '.join(absent)}"
        )
    return tokenizer
