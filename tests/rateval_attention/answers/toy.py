"""A text model of a few hundred weights, in three forms, which pads on either side."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import nn
from torch.nn import functional as F

from rateval.api import ModelCard
from rateval.api.tasks.texts import (
    Answer,
    Answered,
    Answerer,
    Attended,
    Flow,
    Passed,
    TextModel,
    TokenScores,
)

Form = Literal["vqa", "caption", "decoder"]
"""A question that looks at the image, and an answer that looks at the question; a caption that
looks at the image; a decoder of one stream, with image tokens among its words."""

SIZE, PATCH, WIDTH, HEADS, DEPTH = (8, 12), 4, 8, 2, 2
PAD, BEGIN, END, WORDS = 0, 1, 2, 40
QUESTIONS = ("what is it", "which colour has the large ball left of the cube", "how many")
ANSWERS = ("a red ball", "red", "two or three small cubes")
RIVALS = ("a cube", "pale dark blue", "one")


class Attention(nn.Module):
    """Two heads of softmax attention, written out; its probabilities are kept when asked."""

    def __init__(self) -> None:
        super().__init__()
        self.query, self.key, self.value = (nn.Linear(WIDTH, WIDTH) for _ in range(3))
        self.out = nn.Linear(WIDTH, WIDTH)

    def forward(
        self, to: torch.Tensor, of: torch.Tensor, seen: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Take (B, M, D), (B, N, D) and whom each sees, (B, M or 1, N) bool."""
        q, k, v = (
            layer(x).unflatten(2, (HEADS, -1)).transpose(1, 2)
            for layer, x in ((self.query, to), (self.key, of), (self.value, of))
        )
        scores = (2 * q @ k.mT).masked_fill(~seen[:, None], torch.finfo(q.dtype).min)
        probabilities = scores.softmax(dim=-1)
        if not probabilities.requires_grad:
            probabilities.requires_grad_()
        return self.out((probabilities @ v).transpose(1, 2).flatten(2)), probabilities


class Toy:
    """A ``rateval.api.tasks.texts.TextModel``: 8 x 12 px, 2 x 3 patches behind a class token."""

    def __init__(
        self, form: Form, *, pad: Literal["left", "right"] = "right", dtype: str = "float32"
    ) -> None:
        self.form, self.pad = form, pad
        self.grid = (SIZE[0] // PATCH, SIZE[1] // PATCH)
        self.card = ModelCard(
            *("toy", SIZE, (0.5, 0.5, 0.5), (0.25, 0.25, 0.25), 32, "none"),
            licence="Apache-2.0",
            source="tests",
            checkpoint="",
        )
        torch.manual_seed(5)
        blocks = {name: nn.ModuleList([Attention() for _ in range(DEPTH)]) for name in _BLOCKS}
        self.module: nn.Module = nn.ModuleDict(
            {
                "patch": nn.Conv2d(3, WIDTH, PATCH, PATCH),
                "word": nn.Embedding(WORDS, WIDTH),
                "place": nn.Embedding(64, WIDTH),
                "vocabulary": nn.Linear(WIDTH, WORDS),
                **blocks,
            }
        )
        with torch.no_grad():
            for weight in self.module.parameters():
                weight.mul_(2)
        self.module.eval().to(getattr(torch, dtype))
        self._flow: Flow | None = None
        self.scored = 0

    @property
    def language(self) -> nn.Module:
        return self.module

    def preprocess(self, image: Image.Image) -> torch.Tensor:
        pixels = np.asarray(image.resize(SIZE[::-1]), dtype=np.float32)
        return torch.from_numpy(pixels / 255 - 0.5).permute(2, 0, 1) * 4

    def preprocess_mask(self, mask: NDArray[np.bool_]) -> torch.Tensor:
        fitted = Image.fromarray(mask.astype(np.uint8)).resize(SIZE[::-1], 0)
        return torch.from_numpy(np.asarray(fitted) > 0)

    def put_on_grid(self, relevance: torch.Tensor) -> torch.Tensor:
        return relevance[:, 1:].reshape(-1, *self.grid)

    @contextmanager
    def record_flow(self) -> Iterator[Flow]:
        self._flow = Flow()
        try:
            yield self._flow
        finally:
            self._flow = None

    def score(
        self, images: torch.Tensor, questions: Sequence[str], answers: Sequence[str]
    ) -> TokenScores:
        self.scored += 1
        logits, ids, reading, spans = self._run(images, questions, answers)
        own = logits.log_softmax(dim=-1)
        rows = []
        for row in range(len(answers)):
            wanted = [*ids[row], END]
            read = own[row, reading[row]]
            rows.append(read.gather(1, torch.tensor(wanted)[:, None])[:, 0])
        padded = nn.utils.rnn.pad_sequence(rows, batch_first=True)
        return TokenScores(padded, spans)

    def rank(
        self, images: torch.Tensor, questions: Sequence[str], candidates: Sequence[str]
    ) -> torch.Tensor:
        each = [
            self.score(images, questions, [candidate] * len(questions)).log_probabilities.sum(1)
            for candidate in candidates
        ]
        return torch.stack(each, dim=1)

    def generate(self, images: torch.Tensor, questions: Sequence[str]) -> Sequence[Answer]:
        scores = self.rank(images, questions, ANSWERS)
        best = scores.argmax(dim=1).tolist()
        return [Answer(ANSWERS[at], float(row[at])) for at, row in zip(best, scores, strict=True)]

    def _run(self, images: torch.Tensor, questions: Sequence[str], answers: Sequence[str]) -> Any:
        asked = [[BEGIN, *_words(text)] for text in questions]
        said = [_words(text) for text in answers]
        spans = tuple(
            (*((m.start(), m.end()) for m in re.finditer(r"\S+", text)), (len(text),) * 2)
            for text in answers
        )
        image = self._image(images)
        if self.form == "decoder":
            logits, reading = self._one_stream(image, asked, said)
        else:
            logits, reading = self._two_stacks(image, asked, said)
        return logits, said, reading, spans

    def _image(self, images: torch.Tensor) -> torch.Tensor:
        patches = self.module["patch"](images).flatten(2).transpose(1, 2)  # type: ignore[index]
        begin = self._embed(torch.full((len(images), 1), BEGIN))
        tokens = torch.cat([begin, patches], 1) + self._place(torch.arange(7)[None])
        seen = torch.ones(len(tokens), 1, 7, dtype=torch.bool)
        for layer in range(DEPTH):
            tokens = self._attend("vision", layer, ("image", tokens), ("image", tokens), seen)
        return tokens

    def _two_stacks(self, image: torch.Tensor, asked: Any, said: Any) -> Any:
        looked, of = image, "image"
        whole = torch.ones(len(image), 1, image.shape[1], dtype=torch.bool)
        if self.form == "vqa":
            tokens, real, _ = self._padded(asked)
            for layer in range(DEPTH):
                own = ("question", tokens)
                tokens = self._attend("own", layer, own, own, real[:, None])
                tokens = self._attend("look", layer, ("question", tokens), ("image", image), whole)
            looked, of, whole = tokens, "question", real[:, None]
        tokens, real, causal = self._padded([[BEGIN, *words] for words in said])
        for layer in range(DEPTH):
            own = ("answer", tokens)
            tokens = self._attend("decode", layer, own, own, causal)
            tokens = self._attend("read", layer, ("answer", tokens), (of, looked), whole)
        self._final("answer", real)
        return self.module["vocabulary"](tokens), real  # type: ignore[index]

    def _one_stream(self, image: torch.Tensor, asked: Any, said: Any) -> Any:
        """Put a begin token, three pairs of merged patches, the question and the answer in line."""
        lines = [[BEGIN, PAD, PAD, PAD, *q, *a] for q, a in zip(asked, said, strict=True)]
        tokens, real, causal = self._padded(lines)
        first = real.long().argmax(dim=1, keepdim=True)
        merged = first + torch.tensor([1, 1, 2, 2, 3, 3])
        places = torch.cat([torch.full_like(first, -1), merged], 1)
        pairs = image[:, 1:].reshape(len(image), 3, 2, WIDTH).mean(dim=2)
        at = (first + torch.tensor([1, 2, 3]))[:, :, None].expand_as(pairs)
        tokens = tokens.scatter(1, at, pairs)
        steps: list[Attended | Passed] = [Passed("text", "image", places)]
        for layer in range(DEPTH):
            tokens = self._attend("decode", layer, ("text", tokens), ("text", tokens), causal)
        if self._flow is not None:
            self._flow.steps[DEPTH:DEPTH] = steps
        reading = torch.zeros_like(real)
        for row, words in enumerate(said):
            last = int(real[row].nonzero().max())
            reading[row, last - len(words) : last + 1] = True
        self._final("text", reading)
        return self.module["vocabulary"](tokens), reading  # type: ignore[index]

    def _attend(self, block: str, layer: int, to: Any, of: Any, seen: torch.Tensor) -> torch.Tensor:
        mixed, probabilities = self.module[block][layer](to[1], of[1], seen)  # type: ignore[index]
        if self._flow is not None:
            self._flow.steps.append(Attended(to[0], of[0], probabilities))
        tokens: torch.Tensor = to[1] + mixed
        return F.layer_norm(tokens, (WIDTH,))

    def _final(self, stream: str, reading: torch.Tensor) -> None:
        if self._flow is not None:
            self._flow.final, self._flow.reading = stream, reading

    def _padded(self, lines: Sequence[list[int]]) -> tuple[torch.Tensor, ...]:
        """Return embedded tokens, which are real (B, N), and whom each sees (B, N, N)."""
        length = max(map(len, lines)) + 1
        ids, real = torch.full((2, len(lines), length), PAD).unbind()
        for row, line in enumerate(lines):
            part = slice(0, len(line)) if self.pad == "right" else slice(length - len(line), length)
            ids[row, part], real[row, part] = torch.tensor(line), 1
        tokens = self._embed(ids) + self._place((real.cumsum(1) - 1).clamp(min=0))
        causal = torch.ones(length, length, dtype=torch.bool).tril() & real.bool()[:, None]
        return tokens, real.bool(), causal

    def _embed(self, ids: torch.Tensor) -> torch.Tensor:
        embedded: torch.Tensor = self.module["word"](ids)  # type: ignore[index]
        return embedded

    def _place(self, ids: torch.Tensor) -> torch.Tensor:
        embedded: torch.Tensor = self.module["place"](ids)  # type: ignore[index]
        return embedded


_BLOCKS = ("vision", "own", "look", "decode", "read")


class AsItIs:
    """The model that needed no fine-tuning."""

    decision = None

    def __init__(self, model: TextModel) -> None:
        self.model = model

    def state(self) -> dict[str, torch.Tensor]:
        return {}


def _words(text: str) -> list[int]:
    return [zlib.crc32(word.encode()) % (WORDS - 3) + 3 for word in text.split()]


def make_toy(form: Form, **options: Any) -> tuple[Toy, Answerer]:
    toy = Toy(form, **options)
    return toy, AsItIs(toy)


def ask(form: Form, rows: slice = slice(None), **more: Any) -> Answered:
    """Return three questions, or some of them, and their answers."""
    images = torch.randn(3, 3, *SIZE, generator=torch.Generator().manual_seed(2))[rows]
    questions: tuple[str, ...] = ("", "", "") if form == "caption" else QUESTIONS
    ids: tuple[str, ...] = ("a", "b", "c")
    answers: tuple[str, ...] = ANSWERS
    return Answered(images, questions[rows], answers[rows], ids[rows], **more)
