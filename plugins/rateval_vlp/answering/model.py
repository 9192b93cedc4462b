"""BLIP that answers questions or writes captions, as rateval models of texts."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import nn
from transformers import GenerationConfig

from rateval.api import ModelCard, RatevalError
from rateval.api.tasks.texts import Answer, TokenScores
from rateval.modelkit import AskedModel, Geometry
from rateval_vlp.answering.architecture import AnsweringArchitecture
from rateval_vlp.answering.export import write_folder
from rateval_vlp.answering.recording import (
    ANSWER,
    IMAGE,
    QUESTION,
    Watched,
    recording,
    watch_image,
    watch_text,
)
from rateval_vlp.answering.words import Words, Written
from rateval_vlp.architecture import PADDING

Read = tuple[torch.Tensor, torch.Tensor | None]
"""Tokens that the decoder attends to (B, N, D), and their mask (B, N) int64; None is all of it."""


class WritingModel(AskedModel[Read]):
    """A module of transformers' BLIP with a decoder, as a ``TextModel``."""

    def __init__(
        self,
        module: Any,
        words: Words,
        geometry: Geometry,
        card: ModelCard,
        architecture: AnsweringArchitecture,
        max_new_tokens: int,
    ) -> None:
        """Wrap ``module``, a BlipForQuestionAnswering or a BlipForConditionalGeneration."""
        self._architecture = architecture
        super().__init__(card.architecture, module, geometry)
        self.card = card
        self._words = words
        embeddings = module.vision_model.embeddings
        side = embeddings.image_size // embeddings.patch_size
        self.grid: tuple[int, int] = (side, side)
        self._watched = self._watch()
        make_config: Any = GenerationConfig
        self._generation = make_config(
            max_new_tokens=max_new_tokens,
            num_beams=1,
            do_sample=False,
            eos_token_id=words.end,
            pad_token_id=PADDING,
        )

    @cached_property
    def language(self) -> nn.Module:
        """The part of ``module`` that reads and writes text."""
        decoder: nn.Module = self.module.text_decoder
        return decoder

    def generate(self, images: torch.Tensor, questions: Sequence[str]) -> list[Answer]:
        """Answer B questions about (B, 3, H, W) float32 images, greedily.

        How likely an answer is, is what ``score`` says of its text. Raises RatevalError for
        questions that the model cannot be asked.
        """
        self._require_alike(images, questions=questions)
        with torch.no_grad():
            states, mask = read = self._see(images, questions)
            begin = self._words.begin(len(images)).to(states.device)
            ids = self.module.text_decoder.generate(
                input_ids=begin,
                attention_mask=torch.ones_like(begin),
                generation_config=self._generation,
                encoder_hidden_states=states,
                encoder_attention_mask=mask,
            )
            texts = self._words.read(ids)
            sums = self._score(read, self._words.answers(texts)).sum(dim=1).tolist()
        return [Answer(text, value) for text, value in zip(texts, sums, strict=True)]

    def score(
        self, images: torch.Tensor, questions: Sequence[str], answers: Sequence[str]
    ) -> TokenScores:
        """Score a given answer to each of B questions, differentiable by images and weights.

        Raises RatevalError for questions that the model cannot be asked, and for answers that are
        longer than it can write.
        """
        self._require_alike(images, questions=questions, answers=answers)
        written = self._words.answers(answers)
        with ExitStack() as stack:
            if self._flow is not None:
                self._flow.steps.clear()
                self._flow.final = ANSWER
                self._flow.reading = written.reading().to(self._weight.device)
                stack.enter_context(recording(self._watched, self._flow))
            scores = self._score(self._see(images, questions), written)
        return TokenScores(scores, written.spans)

    def put_on_grid(self, relevance: torch.Tensor) -> torch.Tensor:
        """Put relevance of class token and patches (B, N) on the patches, (B, rows, cols)."""
        return relevance[:, 1:].reshape(len(relevance), *self.grid)

    def export_checkpoint(self, folder: Path) -> tuple[Path, ...]:
        """Write a folder that transformers loads; return the files written."""
        card = self.card
        made = (folder, self.module, self._architecture, self._words)
        return write_folder(*made, card.mean, card.std)

    def _watch(self) -> list[Watched]:
        raise NotImplementedError

    def _score_each(
        self, seen: Read, questions: Sequence[str], answers: Sequence[str]
    ) -> torch.Tensor:
        states, mask = seen
        each = len(answers)
        read = (
            states.repeat_interleave(each, dim=0),
            None if mask is None else mask.repeat_interleave(each, dim=0),
        )
        written = self._words.answers([*answers] * len(questions))
        return self._score(read, written).sum(dim=1)

    @property
    def _weight(self) -> torch.Tensor:
        weight: torch.Tensor = self.module.vision_model.embeddings.class_embedding
        return weight

    def _look(self, images: torch.Tensor) -> torch.Tensor:
        seen: torch.Tensor = self.module.vision_model(
            pixel_values=images.to(self._weight.device, self._weight.dtype)
        ).last_hidden_state
        return seen

    def _score(self, read: Read, written: Written) -> torch.Tensor:
        states, mask = read
        device = states.device
        logits = self.module.text_decoder(
            input_ids=written.inputs.to(device),
            attention_mask=written.mask.to(device),
            encoder_hidden_states=states,
            encoder_attention_mask=mask,
            use_cache=False,
        ).logits[:, written.first :]
        # Half precision would round away what differs between likely words.
        scores = logits.float().log_softmax(dim=-1)
        chosen: torch.Tensor = scores.gather(2, written.targets.to(device)[..., None])[..., 0]
        return chosen.where(written.known.to(device), chosen.new_zeros(()))


class AnsweringModel(WritingModel):
    """A BlipForQuestionAnswering: the question reads the image, the answer reads the question."""

    @cached_property
    def language(self) -> nn.Module:
        """The part of ``module`` that reads and writes text."""
        parts = {name: getattr(self.module, name) for name in ("text_encoder", "text_decoder")}
        return nn.ModuleDict(parts).train(self.module.training)

    def _watch(self) -> list[Watched]:
        return [
            *watch_image(self.module.vision_model),
            *watch_text(self.module.text_encoder, QUESTION, IMAGE),
            *watch_text(self.module.text_decoder.bert, ANSWER, QUESTION),
        ]

    def _see(self, images: torch.Tensor, questions: Sequence[str]) -> Read:
        ids, mask = self._words.questions(questions)
        seen = self._look(images)
        mask = mask.to(seen.device)
        states = self.module.text_encoder(
            input_ids=ids.to(seen.device), attention_mask=mask, encoder_hidden_states=seen
        ).last_hidden_state
        return states, mask


class CaptioningModel(WritingModel):
    """A BlipForConditionalGeneration: the caption reads the image."""

    def _watch(self) -> list[Watched]:
        decoder = self.module.text_decoder.bert
        return [*watch_image(self.module.vision_model), *watch_text(decoder, ANSWER, IMAGE)]

    def _see(self, images: torch.Tensor, questions: Sequence[str]) -> Read:
        asked = next((question for question in questions if question), None)
        if asked is not None:
            raise RatevalError(
                f"question = {asked!r}: {self.name} writes captions and reads no question; leave "
                "questions empty, or use the model blip-vqa"
            )
        return self._look(images), None
