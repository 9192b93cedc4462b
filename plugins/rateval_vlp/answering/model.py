"""BLIP that answers questions or writes captions, as rateval models of texts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import nn
from transformers import GenerationConfig

from rateval.api import ModelCard, RatevalError
from rateval.api.tasks.texts import Answer, Flow, TokenScores
from rateval.modelkit import Geometry
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
_ROWS = 64
"""Answers that are scored at once when candidates are ranked: each has scores of all words."""


class WritingModel:
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
        self.name = card.architecture
        self.module: Any = module
        self.card = card
        self.geometry = geometry
        self._words = words
        embeddings = module.vision_model.embeddings
        side = embeddings.image_size // embeddings.patch_size
        self.grid: tuple[int, int] = (side, side)
        self._watched = self._watch()
        self._flow: Flow | None = None
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

    def preprocess(self, image: Image.Image) -> torch.Tensor:
        """Turn an RGB image into (3, H, W) float32 by the official test transform."""
        return self.geometry.image(image)

    def preprocess_mask(self, mask: NDArray[np.bool_]) -> torch.Tensor:
        """Turn a mask of the image's size into (H, W) bool by the geometry of ``preprocess``."""
        return self.geometry.mask(mask)

    def generate(self, images: torch.Tensor, questions: Sequence[str]) -> list[Answer]:
        """Answer B questions about (B, 3, H, W) float32 images, greedily.

        How likely an answer is, is what ``score`` says of its text. Raises RatevalError for
        questions that the model cannot be asked.
        """
        self._require_alike(images, questions=questions)
        with torch.no_grad():
            states, mask = read = self._read(images, questions)
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
            scores = self._score(self._read(images, questions), written)
        return TokenScores(scores, written.spans)

    def rank(
        self, images: torch.Tensor, questions: Sequence[str], candidates: Sequence[str]
    ) -> torch.Tensor:
        """Return the sum that ``score`` gives each of K candidates, (B, K) float32, in no graph.

        Image and question are read once. Raises RatevalError as ``score`` does.
        """
        self._require_alike(images, questions=questions)
        if not candidates:
            raise RatevalError(
                "candidates: there is none; give the answers that may be chosen, or let the model "
                "generate one"
            )
        count, step = len(images), max(1, _ROWS // len(images))
        with torch.no_grad():
            states, mask = self._read(images, questions)
            columns = []
            for start in range(0, len(candidates), step):
                some = [*candidates[start : start + step]]
                read = (
                    states.repeat_interleave(len(some), dim=0),
                    None if mask is None else mask.repeat_interleave(len(some), dim=0),
                )
                scores = self._score(read, self._words.answers(some * count))
                columns.append(scores.sum(dim=1).view(count, len(some)))
        return torch.cat(columns, dim=1)

    @contextmanager
    def record_flow(self) -> Iterator[Flow]:
        """Record every attention of the next ``score`` within the context.

        Modules are changed while ``score`` runs alone. A further one replaces what was recorded.
        """
        before, self._flow = self._flow, Flow()
        try:
            yield self._flow
        finally:
            self._flow = before

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

    def _read(self, images: torch.Tensor, questions: Sequence[str]) -> Read:
        raise NotImplementedError

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

    def _require_alike(self, images: torch.Tensor, **texts: Sequence[str]) -> None:
        if not len(images):
            raise RatevalError(f"{self.name}: no image is given; give one or more")
        for name, given in texts.items():
            if isinstance(given, str) or len(given) != len(images):
                found = "a text" if isinstance(given, str) else f"{len(given)} of them"
                raise RatevalError(
                    f"{name}: {found} for {len(images)} images; give a sequence with one for each"
                )


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

    def _read(self, images: torch.Tensor, questions: Sequence[str]) -> Read:
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

    def _read(self, images: torch.Tensor, questions: Sequence[str]) -> Read:
        asked = next((question for question in questions if question), None)
        if asked is not None:
            raise RatevalError(
                f"question = {asked!r}: {self.name} writes captions and reads no question; leave "
                "questions empty, or use the model blip-vqa"
            )
        return self._look(images), None
