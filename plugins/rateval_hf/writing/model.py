"""A vision-language model of transformers that writes, as a rateval model of texts."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import nn

from rateval.api import ModelCard, RatevalError
from rateval.api.tasks.texts import Answer, Passed, TokenScores
from rateval.modelkit import AskedModel
from rateval_hf.writing.export import write_folder
from rateval_hf.writing.family import Family
from rateval_hf.writing.recording import IMAGE, TEXT, Watched, recording
from rateval_hf.writing.words import Words, Written


class Vlm(AskedModel[torch.Tensor]):
    """A module of ``AutoModelForImageTextToText`` as a ``TextModel``.

    ``grid`` counts the image tower's patches, before several become one token of the language
    model. The streams of a flow are ``image``, the tower's tokens, and ``text``: prompt and answer,
    the image's tokens among their words.
    """

    rows = 32

    def __init__(
        self,
        module: Any,
        family: Family,
        words: Words,
        card: ModelCard,
        folder: Path,
        max_new_tokens: int,
    ) -> None:
        """Wrap a module; ``family`` says how its images are cut, ``words`` how it is asked.

        ``folder`` is where it was read from.
        """
        self._folder = folder
        super().__init__(card.architecture, module, family.preprocessing.geometry)
        self.card = card
        self.grid = family.grid
        self._family = family
        self._words = words
        self._max_new_tokens = max_new_tokens
        self._vision = [Watched(layer, IMAGE) for layer in family.vision(module)]
        layers = family.language(module).layers
        self._text = [Watched(layer.self_attn, TEXT) for layer in layers]

    @cached_property
    def language(self) -> nn.Module:
        """The part of ``module`` that reads and writes text, with the head that scores words."""
        parts = {"model": self._family.language(self.module), "head": self.module.lm_head}
        return nn.ModuleDict(parts).train(self.module.training)

    def generate(self, images: torch.Tensor, questions: Sequence[str]) -> list[Answer]:
        """Answer B questions about (B, 3, H, W) float32 images, greedily.

        How likely an answer is, is what ``score`` says of its text. Raises RatevalError for
        questions that the model cannot be asked.
        """
        self._require_alike(images, questions=questions)
        with torch.no_grad():
            features = self._see(images, questions)
            begin = self._words.write(questions, [""] * len(images)).to(features.device)
            texts = [self._words.read(ids) for ids in self._continue(features, begin)]
            written = self._words.write(questions, texts).to(features.device)
            sums = self._score(features, written).sum(dim=1).tolist()
        return [Answer(text, value) for text, value in zip(texts, sums, strict=True)]

    def score(
        self, images: torch.Tensor, questions: Sequence[str], answers: Sequence[str]
    ) -> TokenScores:
        """Score a given answer to each of B questions, differentiable by images and weights.

        Raises RatevalError for questions that the model cannot be asked, and for answers that are
        longer than it can write.
        """
        self._require_alike(images, questions=questions, answers=answers)
        written = self._words.write(questions, answers).to(self._weight.device)
        flow, count = self._flow, len(images)
        if flow is not None:
            flow.steps.clear()
            flow.final, flow.reading = TEXT, written.reading()
        with nullcontext() if flow is None else recording(self._vision, flow, count):
            features = self._see(images, questions)
        if flow is not None:
            flow.steps.append(Passed(TEXT, IMAGE, self._places(written)))
        with nullcontext() if flow is None else recording(self._text, flow, count):
            scores = self._score(features, written)
        return TokenScores(scores, written.spans)

    def export_checkpoint(self, folder: Path) -> tuple[Path, ...]:
        """Write a folder that transformers loads; return the files written."""
        return write_folder(folder, self.module, self._folder)

    def put_on_grid(self, relevance: torch.Tensor) -> torch.Tensor:
        """Put relevance of the tower's tokens (B, N) on its patches, (B, rows, cols)."""
        return self._family.put_on_grid(relevance)

    @property
    def _weight(self) -> torch.Tensor:
        weight: torch.Tensor = self.module.get_input_embeddings().weight
        return weight

    def _see(self, images: torch.Tensor, questions: Sequence[str]) -> torch.Tensor:
        expected = (3, self._family.side, self._family.side)
        if tuple(images.shape[1:]) != expected:
            raise RatevalError(
                f"{self.name}: images of {tuple(images.shape[1:])}; they must be {expected}, as "
                "preprocess yields them"
            )
        return self._family.see(self.module, images.to(self._weight.device, self._weight.dtype))

    def _score_each(
        self, seen: torch.Tensor, questions: Sequence[str], answers: Sequence[str]
    ) -> torch.Tensor:
        asked = [question for question in questions for _ in answers]
        written = self._words.write(asked, [*answers] * len(questions)).to(seen.device)
        return self._score(seen.repeat_interleave(len(answers), dim=0), written).sum(dim=1)

    def _is_image(self, written: Written) -> torch.Tensor:
        return (written.inputs == self._words.image_id) & written.mask.bool()

    def _places(self, written: Written) -> torch.Tensor:
        """Return which token of the text each of the image became, (B, N) int64."""
        rows = self._is_image(written).nonzero()[:, 1].view(len(written.inputs), -1)
        places = self._family.places.to(rows.device)
        return rows[:, places.clamp(min=0)].where(places >= 0, torch.full_like(places, -1))

    def _embed(self, features: torch.Tensor, written: Written) -> torch.Tensor:
        words: torch.Tensor = self.module.get_input_embeddings()(written.inputs)
        where = self._is_image(written)[..., None]
        return words.masked_scatter(where, features.to(words.dtype))

    def _score(self, features: torch.Tensor, written: Written) -> torch.Tensor:
        self._require_room(written.inputs.shape[1])
        length = written.targets.shape[1]
        logits = self.module(
            inputs_embeds=self._embed(features, written),
            attention_mask=written.mask,
            position_ids=self._family.positions(written.mask, self._is_image(written)),
            use_cache=False,
            logits_to_keep=length,
        ).logits
        # Rows end together and begin apart; targets begin together.
        begin = length - written.known.sum(dim=1, keepdim=True)
        at = (begin + torch.arange(length, device=begin.device)).clamp(max=length - 1)
        # Half precision would round away what differs between likely words.
        scores = logits.float().log_softmax(dim=-1)
        scores = scores.gather(1, at[..., None].expand(-1, -1, scores.shape[-1]))
        chosen: torch.Tensor = scores.gather(2, written.targets[..., None])[..., 0]
        return chosen.where(written.known, chosen.new_zeros(()))

    def _continue(self, features: torch.Tensor, begin: Written) -> list[list[int]]:
        """Write on after B prompts, the likeliest token each time; return those before the end."""
        self._require_room(begin.inputs.shape[1] + self._max_new_tokens - 1)
        embedded, mask, cache = self._embed(features, begin), begin.mask, None
        positions = self._family.positions(mask, self._is_image(begin))
        rows: list[list[int]] = [[] for _ in begin.inputs]
        ended = [False] * len(rows)
        for _ in range(self._max_new_tokens):
            output = self.module(
                inputs_embeds=embedded,
                attention_mask=mask,
                position_ids=positions,
                past_key_values=cache,
                use_cache=True,
                logits_to_keep=1,
            )
            cache, chosen = output.past_key_values, output.logits[:, -1].argmax(dim=-1)
            for row, one in enumerate(chosen.tolist()):
                ended[row] = ended[row] or one in self._words.ends
                rows[row] += [] if ended[row] else [one]
            if all(ended):
                break
            embedded = self.module.get_input_embeddings()(chosen[:, None])
            mask = torch.cat([mask, mask.new_ones(len(rows), 1)], dim=1)
            positions = self._family.next_positions(positions)
        return rows

    def _require_room(self, length: int) -> None:
        most = self.module.config.get_text_config().max_position_embeddings
        if length > most:
            raise RatevalError(
                f"answer: with its prompt and the image's tokens {length} tokens, and "
                f"{self.name} has {most} positions; shorten it, or lower max_new_tokens or "
                "image_size"
            )
