"""Prompts as token ids by a vocabulary on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from rateval.api import RatevalError
from rateval.modelkit import require_bert_vocabulary, require_bert_words, require_vocabulary_size
from rateval_lavis.architecture import Architecture
from rateval_lavis.upstream import BertTokenizer

# BLIP adds [DEC] and [ENC], which the contrast of image and text never uses.
_ADDED = {"albef": 0, "blip": 2}


class Tokenizer:
    """Prompts split as LAVIS does: BERT's pieces, lower-cased, between [CLS] and [SEP]."""

    def __init__(self, path: Path | None, architecture: Architecture, rows: int) -> None:
        """Read a vocab.txt for a word embedding of so many ``rows``.

        Raises RatevalError when it is absent or damaged, or when its size is not that of the word
        embedding.
        """
        path = require_bert_vocabulary(path, architecture.name)
        self._bert = _read(path)
        self._length = architecture.text_length
        require_vocabulary_size(
            self._bert.vocab_size,
            rows,
            path,
            architecture.name,
            added=_ADDED[architecture.family],
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
    require_bert_words(tokenizer.vocab, path)
    return tokenizer
