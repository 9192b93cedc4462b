"""A model that answers by texts, of a few hundred random weights, to try attributions on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import nn
from torch.nn import functional as F

from rateval.api.tasks.texts import Answer, Attended, Flow, Passed, TextModel, TokenScores
from rateval.api.values import ModelCard
from rateval.testing.tiny.reading import (
    BEGIN,
    END,
    PAD,
    WIDTH,
    WORDS,
    LookingAttention,
    Side,
    find_spans,
    find_words,
    pad_lines,
)

Form = Literal["vqa", "caption", "decoder"]
"""A question that looks at the image, and an answer that looks at the question; a caption that
looks at the image; a decoder of one stream, with image tokens among its words."""

SIZE, PATCH, DEPTH = (8, 12), 4, 2
CANDIDATES = ("a red ball", "red", "two or three small cubes")
"""What it answers, the likeliest of them."""
_BLOCKS = ("vision", "own", "look", "decode", "read")


class TinyTextModel:
    """A ``rateval.api.tasks.texts.TextModel``: 8 x 12 px, 2 x 3 patches behind a class token.

    It pads on either side, which must be nothing to what is explained.
    """

    def __init__(self, form: Form, pad: Side = "right") -> None:
        self.form, self.pad = form, pad
        self.grid = (SIZE[0] // PATCH, SIZE[1] // PATCH)
        self.card = ModelCard(
            *("tiny texts", SIZE, (0.5, 0.5, 0.5), (0.25, 0.25, 0.25), 32, "none"),
            licence="Apache-2.0",
            source="rateval.testing",
            checkpoint="",
        )
        layers = {name: nn.ModuleList(_make_layers()) for name in _BLOCKS}
        self.parts = nn.ModuleDict(
            {
                "patch": nn.Conv2d(3, WIDTH, PATCH, PATCH),
                "word": nn.Embedding(WORDS, WIDTH),
                "place": nn.Embedding(64, WIDTH),
                "vocabulary": nn.Linear(WIDTH, WORDS),
                **layers,
            }
        )
        self.module: nn.Module = self.parts
        with torch.no_grad():
            for weight in self.module.parameters():
                weight.mul_(2)
        self.module.eval().requires_grad_(False)
        self.scored = 0
        """How often it was asked for a score."""
        self._flow: Flow | None = None

    @property
    def language(self) -> nn.Module:
        """All of it."""
        return self.module

    def preprocess(self, image: Image.Image) -> torch.Tensor:
        """Turn an RGB image into (3, 8, 12) float32."""
        pixels = np.asarray(image.resize(SIZE[::-1]), dtype=np.float32)
        return torch.from_numpy(pixels / 255 - 0.5).permute(2, 0, 1) * 4

    def preprocess_mask(self, mask: NDArray[np.bool_]) -> torch.Tensor:
        """Turn a mask of the image's size into (8, 12) bool."""
        nearest = Image.Resampling.NEAREST
        fitted = Image.fromarray(mask.astype(np.uint8)).resize(SIZE[::-1], nearest)
        return torch.from_numpy(np.asarray(fitted) > 0)

    def put_on_grid(self, relevance: torch.Tensor) -> torch.Tensor:
        """Leave the class token out of (B, 7)."""
        return relevance[:, 1:].reshape(-1, *self.grid)

    @contextmanager
    def record_flow(self) -> Iterator[Flow]:
        """Record every attention of the next score."""
        self._flow = Flow()
        try:
            yield self._flow
        finally:
            self._flow = None

    def score(
        self, images: torch.Tensor, questions: Sequence[str], answers: Sequence[str]
    ) -> TokenScores:
        """Score each word of each answer, and its end."""
        self.scored += 1
        asked = [[BEGIN, *find_words(text)] for text in questions]
        said = [find_words(text) for text in answers]
        run = self._one_stream if self.form == "decoder" else self._two_stacks
        logits, reading = run(self._see(images), asked, said)
        own = logits.log_softmax(-1, dtype=torch.promote_types(logits.dtype, torch.float32))
        rows = [
            own[row, reading[row]].gather(1, torch.tensor([*words, END])[:, None])[:, 0]
            for row, words in enumerate(said)
        ]
        padded = nn.utils.rnn.pad_sequence(rows, batch_first=True)
        return TokenScores(padded, tuple(map(find_spans, answers)))

    def rank(
        self, images: torch.Tensor, questions: Sequence[str], candidates: Sequence[str]
    ) -> torch.Tensor:
        """Score each candidate for itself."""
        each = [
            self.score(images, questions, [candidate] * len(questions)).log_probabilities.sum(1)
            for candidate in candidates
        ]
        return torch.stack(each, dim=1)

    def generate(self, images: torch.Tensor, questions: Sequence[str]) -> Sequence[Answer]:
        """Return the likeliest of three answers to each question."""
        scores = self.rank(images, questions, CANDIDATES).detach()
        best = scores.argmax(dim=1).tolist()
        return [
            Answer(CANDIDATES[at], float(row[at])) for at, row in zip(best, scores, strict=True)
        ]

    def _see(self, images: torch.Tensor) -> torch.Tensor:
        patches = self.parts["patch"](images).flatten(2).transpose(1, 2)
        begin = self.parts["word"](torch.full((len(images), 1), BEGIN))
        count = patches.shape[1] + 1
        tokens: torch.Tensor = torch.cat([begin, patches], 1) + self.parts["place"](
            torch.arange(count)[None]
        )
        seen = torch.ones(len(tokens), 1, count, dtype=torch.bool)
        for layer in range(DEPTH):
            tokens = self._attend("vision", layer, ("image", tokens), ("image", tokens), seen)
        return tokens

    def _two_stacks(
        self, image: torch.Tensor, asked: list[list[int]], said: list[list[int]]
    ) -> tuple[torch.Tensor, torch.Tensor]:
        looked, of = image, "image"
        whole = torch.ones(len(image), 1, image.shape[1], dtype=torch.bool)
        if self.form == "vqa":
            tokens, real, _ = self._embed(asked)
            for layer in range(DEPTH):
                own = ("question", tokens)
                tokens = self._attend("own", layer, own, own, real[:, None])
                tokens = self._attend("look", layer, ("question", tokens), ("image", image), whole)
            looked, of, whole = tokens, "question", real[:, None]
        tokens, real, causal = self._embed([[BEGIN, *words] for words in said])
        for layer in range(DEPTH):
            own = ("answer", tokens)
            tokens = self._attend("decode", layer, own, own, causal)
            tokens = self._attend("read", layer, ("answer", tokens), (of, looked), whole)
        return self._end("answer", tokens, real)

    def _one_stream(
        self, image: torch.Tensor, asked: list[list[int]], said: list[list[int]]
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Put a begin token, three pairs of merged patches, the question and the answer in line."""
        lines = [[BEGIN, PAD, PAD, PAD, *q, *a] for q, a in zip(asked, said, strict=True)]
        tokens, real, causal = self._embed(lines)
        first = real.long().argmax(dim=1, keepdim=True)
        pairs = image[:, 1:].reshape(len(image), 3, 2, WIDTH).mean(dim=2)
        at = (first + torch.tensor([1, 2, 3]))[:, :, None].expand_as(pairs)
        tokens = tokens.scatter(1, at, pairs)
        if self._flow is not None:
            merged = first + torch.tensor([1, 1, 2, 2, 3, 3])
            places = torch.cat([torch.full_like(first, -1), merged], 1)
            self._flow.steps.append(Passed("text", "image", places))
        for layer in range(DEPTH):
            tokens = self._attend("decode", layer, ("text", tokens), ("text", tokens), causal)
        reading = torch.zeros_like(real)
        for row, words in enumerate(said):
            last = int(real[row].nonzero().max())
            reading[row, last - len(words) : last + 1] = True
        return self._end("text", tokens, reading)

    def _attend(self, block: str, layer: int, to: Any, of: Any, seen: torch.Tensor) -> torch.Tensor:
        layers = self.parts[block]
        assert isinstance(layers, nn.ModuleList)
        mixed, probabilities = layers[layer](to[1], of[1], seen)
        if self._flow is not None:
            self._flow.steps.append(Attended(to[0], of[0], probabilities))
        tokens: torch.Tensor = to[1] + mixed
        return F.layer_norm(tokens, (WIDTH,))

    def _end(
        self, stream: str, tokens: torch.Tensor, reading: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        if self._flow is not None:
            self._flow.final, self._flow.reading = stream, reading
        return self.parts["vocabulary"](tokens), reading

    def _embed(self, lines: Sequence[list[int]]) -> tuple[torch.Tensor, ...]:
        """Return embedded tokens, which are real (B, N), and whom each sees (B, N, N)."""
        ids, real = pad_lines(lines, self.pad)
        places = (real.long().cumsum(1) - 1).clamp(min=0)
        tokens = self.parts["word"](ids) + self.parts["place"](places)
        causal = torch.ones(2 * [ids.shape[1]], dtype=torch.bool).tril() & real[:, None]
        return tokens, real, causal


def _make_layers() -> list[nn.Module]:
    return [LookingAttention() for _ in range(DEPTH)]


class TinyAnswerer:
    """A ``rateval.api.tasks.texts.Answerer``: a model that needed no fine-tuning."""

    decision = None

    def __init__(self, model: TextModel) -> None:
        self.model = model

    def state(self) -> dict[str, torch.Tensor]:
        """Return nothing."""
        return {}


def tiny_text_model(form: Form = "vqa", seed: int = 0, *, pad: Side = "right") -> TinyTextModel:
    """Return a model that answers, whose random weights depend on ``seed`` alone.

    >>> model = tiny_text_model()
    >>> model.grid, model.score(torch.zeros(1, 3, 8, 12), ["what"], ["a cat"]).spans
    ((2, 3), (((0, 1), (2, 5), (5, 5)),))
    """
    with torch.random.fork_rng([]):
        torch.manual_seed(seed)
        return TinyTextModel(form, pad)


def tiny_answerer(form: Form = "vqa", seed: int = 0, *, pad: Side = "right") -> TinyAnswerer:
    """Return a tiny model of texts that needed no fine-tuning."""
    return TinyAnswerer(tiny_text_model(form, seed, pad=pad))
