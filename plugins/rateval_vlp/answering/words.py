"""What a BLIP that answers reads and writes, as ids of BERT's words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from tokenizers import decoders

from rateval.api import RatevalError
from rateval.modelkit import require_bert_vocabulary
from rateval_vlp.answering.architecture import AnsweringArchitecture
from rateval_vlp.architecture import PADDING
from rateval_vlp.vocabulary import read_vocabulary

Spans = tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True, eq=False)
class Written:
    """B answers as a decoder reads and predicts them."""

    inputs: torch.Tensor
    """(B, N) int64: [DEC], the prompt, the answer; its end is predicted alone."""
    mask: torch.Tensor
    """(B, N) int64: 1, and 0 at padding."""
    targets: torch.Tensor
    """(B, T) int64: the answer and its end, PADDING behind it."""
    known: torch.Tensor
    """(B, T) bool, False at padding."""
    spans: tuple[Spans, ...]
    """Start and stop of each target in the answer, in characters."""
    first: int
    """The place among ``inputs`` that predicts the answer's first token."""

    def reading(self) -> torch.Tensor:
        """Return which of the inputs predict a target, (B, N) bool."""
        before = self.known.new_zeros(len(self.known), self.first)
        return torch.cat([before, self.known], dim=1)


class Words:
    """A tokenizer of questions and answers, lower-cased."""

    def __init__(
        self, path: Path | None, architecture: AnsweringArchitecture, prompt: str = ""
    ) -> None:
        """Read a vocab.txt or a tokenizer.json; ``prompt`` stands before every answer.

        Raises RatevalError when it is absent or damaged, when its size is not that of the word
        embedding, or when its [SEP] is not the model's.
        """
        towers = architecture.towers
        path = require_bert_vocabulary(path, towers.name)
        self._tokenizer = read_vocabulary(path, towers)
        self.path = path
        """The vocabulary's file."""
        # A tokenizer.json may bring its own: what is cut and filled is decided here.
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        self._tokenizer.decoder = decoders.WordPiece(prefix="##", cleanup=True)
        self._positions = towers.size.max_positions
        self._length = min(towers.text_length, self._positions)
        self.end = self._id("[SEP]")
        if architecture.end not in (None, self.end):
            raise RatevalError(
                f"{path}: [SEP] is word {self.end}, and text_config.sep_token_id = "
                f"{architecture.end}: must be the same: give the model's own vocabulary"
            )
        if architecture.asks:
            own = architecture.question_begins == "[ENC]"
            self._ask = architecture.encode if own else self._id("[CLS]")
        self._before = [architecture.begin, *(self._encode([prompt])[0].ids if prompt else ())]

    def __deepcopy__(self, _memo: object) -> Words:
        """Return itself: nothing in it changes."""
        return self

    def _id(self, word: str) -> int:
        found = self._tokenizer.token_to_id(word)
        if found is None:
            raise RatevalError(f"{self.path}: lacks {word}; give the model's own vocabulary")
        return int(found)

    def _encode(self, texts: Sequence[str]) -> list[Any]:
        try:
            found: list[Any] = self._tokenizer.encode_batch(list(texts), add_special_tokens=False)
        except Exception as error:  # the file is the only cause there is
            raise RatevalError(
                f"{self.path}: cannot split texts: {error}; give the vocabulary that belongs to "
                "the model"
            ) from error
        return found

    def questions(self, questions: Sequence[str]) -> tuple[torch.Tensor, torch.Tensor]:
        """Turn B questions into ids (B, T) int64 and their mask (B, T) int64, 0 at padding.

        One of more than 35 tokens is cut there, as BLIP's own code does. Raises RatevalError for
        one without a word.
        """
        rows = [encoded.ids[: self._length - 2] for encoded in self._encode(questions)]
        for question, row in zip(questions, rows, strict=True):
            if not row:
                raise RatevalError(
                    f"question = {question!r}: holds no word; a question that can be answered is "
                    "needed: ask one, or leave the sample out"
                )
        return _pad([[self._ask, *row, self.end] for row in rows])

    def answers(self, answers: Sequence[str]) -> Written:
        """Turn B answers into what the decoder reads and predicts.

        One without a word is its end alone. Raises RatevalError for one that is longer than the
        positions of the decoder.
        """
        encoded = self._encode(answers)
        longest = max(len(one.ids) for one in encoded) + len(self._before)
        if longest > self._positions:
            raise RatevalError(
                f"answer: has {longest} tokens with what begins it; the model has "
                f"{self._positions} positions: shorten it"
            )
        inputs, mask = _pad([[*self._before, *one.ids] for one in encoded])
        targets, known = _pad([[*one.ids, self.end] for one in encoded])
        spans = tuple(
            (*map(_as_span, one.offsets), (len(answer), len(answer)))
            for one, answer in zip(encoded, answers, strict=True)
        )
        return Written(inputs, mask, targets, known.bool(), spans, len(self._before) - 1)

    def begin(self, count: int) -> torch.Tensor:
        """Return what ``count`` answers are generated from, (B, N) int64."""
        return torch.tensor([self._before] * count)

    def read(self, ids: torch.Tensor) -> list[str]:
        """Turn what was generated after ``begin`` into texts: (B, N) int64, to the first end."""
        texts = []
        for row in ids[:, len(self._before) :].tolist():
            own = row[: row.index(self.end)] if self.end in row else row
            texts.append(self._decode(own))
        return texts

    def _decode(self, ids: list[int]) -> str:
        words = [self._tokenizer.id_to_token(index) for index in ids]
        kept = [word for word in words if word is not None and not _is_special(word)]
        return str(self._tokenizer.decoder.decode(kept)).strip()


def _is_special(word: str) -> bool:
    return word in ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "[DEC]", "[ENC]")


def _as_span(offsets: tuple[int, int]) -> tuple[int, int]:
    return (int(offsets[0]), int(offsets[1]))


def _pad(rows: list[list[int]]) -> tuple[torch.Tensor, torch.Tensor]:
    """Return rows as (B, T) int64, filled on the right, and where each has words.

    >>> [found.tolist() for found in _pad([[5, 6], [7]])]
    [[[5, 6], [7, 0]], [[1, 1], [1, 0]]]
    """
    length = max(map(len, rows))
    ids = [row + [PADDING] * (length - len(row)) for row in rows]
    mask = [[1] * len(row) + [0] * (length - len(row)) for row in rows]
    return torch.tensor(ids), torch.tensor(mask)
