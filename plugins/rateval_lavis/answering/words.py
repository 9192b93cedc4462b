"""What an ALBEF that answers reads and writes, as ids of BERT's words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from rateval.api import RatevalError
from rateval.modelkit import require_bert_vocabulary, require_bert_words, require_vocabulary_size
from rateval_lavis.answering.architecture import AnsweringArchitecture
from rateval_lavis.upstream import BertTokenizerFast, BlipQuestionProcessor

Spans = tuple[tuple[int, int], ...]
_PADDING = 0


@dataclass(frozen=True, slots=True, eq=False)
class Written:
    """B answers as the decoder reads and predicts them."""

    inputs: torch.Tensor
    """(B, T) int64: [CLS] and the answer; its end is predicted alone."""
    mask: torch.Tensor
    """(B, T) int64: 1, and 0 at padding."""
    targets: torch.Tensor
    """(B, T) int64: the answer and its end, 0 behind it."""
    spans: tuple[Spans, ...]
    """Start and stop of each target in the answer, in characters."""


class Words:
    """LAVIS' question processor, and BERT's pieces, lower-cased, between [CLS] and [SEP]."""

    def __init__(self, path: Path | None, architecture: AnsweringArchitecture) -> None:
        """Read a vocab.txt.

        Raises RatevalError when it is absent or damaged, or when its size is not that of the word
        embedding.
        """
        path = require_bert_vocabulary(path, architecture.name)
        self._bert = _read(path)
        rows = architecture.question.get("vocab_size", 30522)
        require_vocabulary_size(self._bert.vocab_size, rows, path, architecture.name, added=0)
        self._length = architecture.text_length
        self._positions = architecture.answer.get("max_position_embeddings", 512)
        self._prepare = BlipQuestionProcessor()
        self.begin: int = self._bert.cls_token_id
        self.end: int = self._bert.sep_token_id

    def __deepcopy__(self, _memo: object) -> Words:
        """Return itself: nothing in it changes."""
        return self

    def questions(self, questions: Sequence[str]) -> tuple[torch.Tensor, torch.Tensor]:
        """Turn B questions into ids (B, T) int64 and their mask (B, T) int64, 0 at padding.

        One of more tokens than LAVIS reads is cut there. Raises RatevalError for one without a
        word.
        """
        rows = [self._encode(self._prepare(one)).ids[: self._length - 2] for one in questions]
        for question, row in zip(questions, rows, strict=True):
            if not row:
                raise RatevalError(
                    f"question = {question!r}: holds no word; a question that can be answered is "
                    "needed: ask one, or leave the sample out"
                )
        return _pad([[self.begin, *row, self.end] for row in rows])

    def answers(self, answers: Sequence[str]) -> Written:
        """Turn B answers into what the decoder reads and predicts.

        One without a word is its end alone. Raises RatevalError for one that is longer than the
        positions of the decoder.
        """
        encoded = [self._encode(one) for one in answers]
        longest = max(len(one.ids) for one in encoded) + 1
        if longest > self._positions:
            raise RatevalError(
                f"answer: has {longest} tokens with what begins it; the model has "
                f"{self._positions} positions: shorten it"
            )
        inputs, mask = _pad([[self.begin, *one.ids] for one in encoded])
        targets, _ = _pad([[*one.ids, self.end] for one in encoded])
        spans = tuple(
            (*((int(low), int(high)) for low, high in one.offsets), (len(answer), len(answer)))
            for one, answer in zip(encoded, answers, strict=True)
        )
        return Written(inputs, mask, targets, spans)

    def read(self, ids: torch.Tensor) -> list[str]:
        """Turn what was written after [CLS] into texts: (B, T) int64, to the first end."""
        texts = []
        for row in ids.tolist():
            own = row[: row.index(self.end)] if self.end in row else row
            texts.append(str(self._bert.decode(own, skip_special_tokens=True)).strip())
        return texts

    def _encode(self, text: str) -> Any:
        return self._bert.backend_tokenizer.encode(text, add_special_tokens=False)


def _read(path: Path) -> Any:
    try:
        tokenizer = BertTokenizerFast(vocab_file=str(path), do_lower_case=True)
    except Exception as error:  # the file is the only cause there is
        raise RatevalError(f"{path}: not a readable vocabulary: {error}") from error
    require_bert_words(tokenizer.vocab, path)
    return tokenizer


def _pad(rows: list[list[int]]) -> tuple[torch.Tensor, torch.Tensor]:
    """Return rows as (B, T) int64, filled on the right, and where each has words.

    >>> [found.tolist() for found in _pad([[5, 6], [7]])]
    [[[5, 6], [7, 0]], [[1, 1], [1, 0]]]
    """
    length = max(map(len, rows))
    ids = [row + [_PADDING] * (length - len(row)) for row in rows]
    mask = [[1] * len(row) + [0] * (length - len(row)) for row in rows]
    return torch.tensor(ids), torch.tensor(mask)
