"""A text model of a thousand weights, which sees colours and writes a word or two."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import nn

from rateval.api import Context, ModelCard, Params
from rateval.api.tasks.texts import Answer, Attended, Flow, TokenScores

SIZE, PATCH, WIDTH = (24, 32), 8, 4
COLOURS = ("red", "green", "blue")
END, BEGIN, OTHER = "<end>", "<begin>", "<other>"
WORDS = (END, BEGIN, OTHER, *COLOURS, "yes", "no", "what", "is", "colour", "the", "square")
ID = {word: number for number, word in enumerate(WORDS)}
LONGEST = 4
"""Words of an answer that it writes, at most."""


class WriterParams(Params):
    says: str = ""
    """What it writes whatever is asked, with what it sees for ``{seen}``; empty for that alone."""
    seed: int = 0
    """Of its weights."""


class Writer:
    """A ``rateval.api.tasks.texts.TextModel``: 24 x 32 px, 3 x 4 patches, one attention to them."""

    grid = (SIZE[0] // PATCH, SIZE[1] // PATCH)
    card = ModelCard(
        *("writer", SIZE, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5), 32, "none"),
        licence="Apache-2.0",
        source="acme",
        checkpoint="",
    )

    def __init__(self, params: WriterParams) -> None:
        self.says = params.says
        self.query, self.key = nn.Embedding(len(WORDS), WIDTH), nn.Linear(3, WIDTH)
        self.sight = nn.Linear(3, len(WORDS), bias=False)
        self.asked, self.after = (nn.Embedding(len(WORDS), len(WORDS)) for _ in range(2))
        parts = {name: getattr(self, name) for name in _PARTS}
        self.module: nn.Module = nn.ModuleDict(parts)
        self._flow: Flow | None = None
        random = torch.Generator().manual_seed(params.seed)
        with torch.no_grad():
            for weight in self.module.parameters():
                weight.normal_(0, 0.5, generator=random)
            _teach(self)
        self.module.eval().requires_grad_(False)

    def __deepcopy__(self, memo: object) -> Writer:
        other = Writer(WriterParams(says=self.says))
        other.module.load_state_dict(self.module.state_dict())
        return other

    @property
    def language(self) -> nn.Module:
        return self.module

    def preprocess(self, image: Image.Image) -> torch.Tensor:
        pixels = np.asarray(image.resize(SIZE[::-1]), dtype=np.float32)
        return torch.from_numpy(pixels / 127.5 - 1).permute(2, 0, 1)

    def preprocess_mask(self, mask: NDArray[np.bool_]) -> torch.Tensor:
        fitted = Image.fromarray(mask.astype(np.uint8)).resize(SIZE[::-1], 0)
        return torch.from_numpy(np.asarray(fitted) > 0)

    def generate(self, images: torch.Tensor, questions: Sequence[str]) -> Sequence[Answer]:
        texts = [self._write(image[None], q) for image, q in zip(images, questions, strict=True)]
        sums = self.score(images, questions, texts).log_probabilities.sum(dim=1).tolist()
        return [Answer(*answer) for answer in zip(texts, sums, strict=True)]

    def _write(self, image: torch.Tensor, question: str) -> str:
        words: list[str] = []
        looks = not self.says or "{seen}" in self.says
        while looks and len(words) < LONGEST:
            last = self._predict(image, [question], [words])[0, -1].argmax()
            if WORDS[last] == END:
                break
            words.append(WORDS[last])
        seen = " ".join(words)
        return self.says.replace("{seen}", seen) or seen

    def score(
        self, images: torch.Tensor, questions: Sequence[str], answers: Sequence[str]
    ) -> TokenScores:
        found = [list(re.finditer(r"\S+", answer)) for answer in answers]
        words = [[one.group() for one in each] for each in found]
        logits = self._predict(images, questions, words).log_softmax(dim=2)
        kept = [
            row[range(len(own) + 1), _number([*own, END])]
            for row, own in zip(logits, words, strict=True)
        ]
        spans = tuple(
            (*((one.start(), one.end()) for one in each), (len(answer), len(answer)))
            for each, answer in zip(found, answers, strict=True)
        )
        return TokenScores(nn.utils.rnn.pad_sequence(kept, batch_first=True), spans)

    def rank(
        self, images: torch.Tensor, questions: Sequence[str], candidates: Sequence[str]
    ) -> torch.Tensor:
        each = [[candidate] * len(questions) for candidate in candidates]
        sums = [self.score(images, questions, one).log_probabilities.sum(dim=1) for one in each]
        return torch.stack(sums, dim=1)

    @contextmanager
    def record_flow(self) -> Iterator[Flow]:
        self._flow = Flow(final="answer")
        try:
            yield self._flow
        finally:
            self._flow = None

    def put_on_grid(self, relevance: torch.Tensor) -> torch.Tensor:
        return relevance.reshape(-1, *self.grid)

    def _predict(
        self, images: torch.Tensor, questions: Sequence[str], words: Sequence[Sequence[str]]
    ) -> torch.Tensor:
        """Return logits of each word and of the end after those before it, (B, T, words)."""
        read = [torch.tensor(_number([BEGIN, *own])) for own in words]
        before = nn.utils.rnn.pad_sequence(read, batch_first=True).to(images.device)
        colours = nn.functional.avg_pool2d(images, PATCH).flatten(2).mT
        scores = self.query(before) @ self.key(colours).mT
        attention = scores.softmax(dim=2)[:, None]
        if self._flow is not None:
            if not attention.requires_grad:
                attention.requires_grad_()
            self._flow.steps.append(Attended("answer", "image", attention))
            lengths = torch.tensor([len(one) for one in read], device=images.device)
            places = torch.arange(before.shape[1], device=images.device)
            self._flow.reading = places < lengths[:, None]
        asked = [
            self.asked(torch.tensor(_number(question.split()), device=images.device).long()).sum(
                dim=0
            )
            for question in questions
        ]
        logits: torch.Tensor = self.sight(attention[:, 0] @ colours) + self.after(before)
        return logits + torch.stack(asked)[:, None]


_PARTS = ("query", "key", "sight", "asked", "after")


def _teach(writer: Writer) -> None:
    """Let it name the colour that it sees, or say yes or no, and stop after a word."""
    for channel, colour in enumerate(COLOURS):
        writer.sight.weight[ID[colour], channel] += 8
        writer.asked.weight[ID["what"], ID[colour]] += 9
    writer.sight.weight[ID["yes"]] = torch.tensor([4.0, -4.0, -4.0])
    for answer in ("yes", "no"):
        writer.asked.weight[ID["is"], ID[answer]] += 9
    writer.after.weight[:, [ID[BEGIN], ID[OTHER]]] -= 50
    writer.after.weight[:, ID[END]] += 50
    writer.after.weight[ID[BEGIN], ID[END]] -= 100


def _number(words: Sequence[str]) -> list[int]:
    plain = [word if word in ID else word.lower().strip("?.,") for word in words]
    return [ID.get(word, ID[OTHER]) for word in plain]


def make_writer(params: WriterParams, context: Context) -> Writer:
    return Writer(params)
