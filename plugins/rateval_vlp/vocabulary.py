"""BERT's words as a tokenizer of its pieces. This module imports no torch."""

from __future__ import annotations

from pathlib import Path

from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

from rateval.api import RatevalError
from rateval.modelkit import require_bert_words, require_vocabulary_size
from rateval_vlp.architecture import PADDING, Architecture

PAD = "[PAD]"


def read_vocabulary(path: Path, architecture: Architecture) -> Tokenizer:
    """Return the tokenizer of a vocab.txt or a tokenizer.json.

    Raises RatevalError when it is damaged, or when its words are not those of the word embedding.
    """
    tokenizer = _read(path)
    _check(tokenizer, path, architecture)
    return tokenizer


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
    if tokenizer.token_to_id(PAD) != PADDING:
        raise RatevalError(f"{path}: {PAD} must be word {PADDING}, as in BERT's vocabulary")
