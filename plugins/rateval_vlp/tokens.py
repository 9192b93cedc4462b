"""BERT's tokenizer from a local vocabulary."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch

from rateval.api import RatevalError
from rateval.modelkit import require_bert_vocabulary
from rateval_vlp.architecture import PADDING, Architecture
from rateval_vlp.vocabulary import PAD, read_vocabulary


class WordPieces:
    """A tokenizer: prompts as ids, lower-cased, between [CLS] and [SEP], cut to a length."""

    def __init__(self, path: Path | None, architecture: Architecture) -> None:
        """Read a vocab.txt or a tokenizer.json.

        Raises RatevalError when it is absent or damaged, or when its size is not that of the word
        embedding.
        """
        path = require_bert_vocabulary(path, architecture.name)
        self._path = path
        self._tokenizer = read_vocabulary(path, architecture)
        self._tokenizer.enable_truncation(architecture.text_length)
        self._tokenizer.enable_padding(pad_id=PADDING, pad_token=PAD)

    def __call__(self, prompts: Sequence[str]) -> torch.Tensor:
        """Turn K prompts into (K, T) int64 ids, T the longest's, the others padded to it.

        Raises RatevalError when the file makes no tokenizer that splits them.
        """
        try:
            found = self._tokenizer.encode_batch(list(prompts))
        except Exception as error:  # the file is the only cause there is
            raise RatevalError(
                f"{self._path}: cannot split prompts: {error}; give the vocabulary that belongs to "
                "the model"
            ) from error
        return torch.tensor([encoded.ids for encoded in found])
