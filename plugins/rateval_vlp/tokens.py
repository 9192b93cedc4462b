"""BERT's tokenizer from a local vocabulary."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

from rateval.api import RatevalError
from rateval.modelkit import require_bert_vocabulary, require_bert_words, require_vocabulary_size
from rateval_vlp.architecture import Architecture
from rateval_vlp.towers import PADDING

_PAD = "[PAD]"


class WordPieces:
    """A tokenizer: prompts as ids, lower-cased, between [CLS] and [SEP], cut to a length."""

    def __init__(self, path: Path | None, architecture: Architecture) -> None:
        """Read a vocab.txt or a tokenizer.json.

        Raises RatevalError when it is absent or damaged, or when its size is not that of the word
        embedding.
        """
        path = require_bert_vocabulary(path, architecture.name)
        self._path = path
        self._tokenizer = _read(path)
        _check(self._tokenizer, path, architecture)
        self._tokenizer.enable_truncation(architecture.text_length)
        self._tokenizer.enable_padding(pad_id=PADDING, pad_token=_PAD)

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


def _read(path: Path) -> Tokenizer:
    try:
        if path.suffix == ".json":
            return Tokenizer.from_file(str(path))
        # Not splitlines: some words are signs that it takes for the end of a line.
        words = path.read_text(encoding="utf-8").removesuffix("\n").split("\n")
    except Exception as error:  # tokenizers raises a plain Exception for a damaged file
        raise RatevalError(f"{path}: not a readable vocabulary: {error}") from error
    vocabulary = {word: index for index, word in enumerate(words)}
    require_bert_words(vocabulary, path)
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))  # noqa: S106  # a word
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    ends = [(word, vocabulary[word]) for word in ("[CLS]", "[SEP]")]
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=ends
    )
    return tokenizer


def _check(tokenizer: Tokenizer, path: Path, architecture: Architecture) -> None:
    require_vocabulary_size(
        tokenizer.get_vocab_size(),
        architecture.size.vocabulary_size,
        path,
        architecture.name,
        added=architecture.added_tokens,
    )
    if tokenizer.token_to_id(_PAD) != PADDING:
        raise RatevalError(f"{path}: {_PAD} must be word {PADDING}, as in BERT's vocabulary")
