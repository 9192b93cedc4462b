"""ALBEF that answers questions as a rateval model of texts: LAVIS' own class, unmodified."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from functools import cached_property
from typing import Any

import torch
from torch import nn

from rateval.api import Context, ModelCard, RatevalError
from rateval.api.tasks.texts import Answer, TokenScores
from rateval.modelkit import AskedModel, Geometry, read_state_dict
from rateval_lavis.answering.architecture import (
    AnsweringArchitecture,
    build_answering_module,
    find_answering_architecture,
)
from rateval_lavis.answering.loading import load_answering
from rateval_lavis.answering.recording import ANSWER, watch, watching
from rateval_lavis.answering.words import Words, Written
from rateval_lavis.checkpoint import Loaded
from rateval_lavis.files import locate_vocabulary, locate_weights
from rateval_lavis.params import LavisAlbefVqaParams
from rateval_lavis.upstream import BatchEncoding

_LICENCE = "BSD-3-Clause for Salesforce's own checkpoints, else unknown"
Read = tuple[torch.Tensor, torch.Tensor]
"""What the decoder attends to: the question's tokens (B, N, D), and their mask (B, N) int64."""


class LavisAnsweringModel(AskedModel[Read]):
    """An AlbefVQA of LAVIS as a ``rateval.api.tasks.texts.TextModel``.

    The question reads the image in its upper layers, the answer reads the question.

    LAVIS answers by ranking alone: among candidates whose first token is likely, it takes that of
    the least loss, which holds a label smoothing of 0.1 that the authors' own code doesn't have.
    Here an answer is written greedily by the same decoder, and ranking is by log probabilities,
    of all candidates.
    """

    def __init__(
        self,
        architecture: AnsweringArchitecture,
        module: Any,
        params: LavisAlbefVqaParams,
        loaded: Loaded,
    ) -> None:
        """Wrap ``module``, an AlbefVQA."""
        super().__init__(architecture.name, module, Geometry(architecture.transform))
        self.grid: tuple[int, int] = tuple(module.visual_encoder.patch_embed.grid_size)
        self._words = Words(locate_vocabulary(params), architecture)
        self._most = params.max_new_tokens
        positions = architecture.answer.get("max_position_embeddings", 512)
        if self._most >= positions:
            raise RatevalError(
                f"max_new_tokens = {self._most}: with what begins an answer more than the model's "
                f"{positions} positions; lower it"
            )
        self._watched = watch(module)
        normalise = architecture.transform.transforms[-1]
        self.card = ModelCard(
            architecture=architecture.name,
            image_size=tuple(module.visual_encoder.patch_embed.img_size),
            mean=tuple(normalise.mean),
            std=tuple(normalise.std),
            text_length=architecture.text_length,
            head_feature="words",
            licence=_LICENCE if loaded.used else "unknown",
            source="github.com/salesforce/LAVIS",
            checkpoint=params.pretrained if loaded.used else "",
            keys_used=loaded.used,
            keys_ignored=loaded.ignored,
            assumed=loaded.assumed,
        )

    @cached_property
    def language(self) -> nn.Module:
        """The part of ``module`` that reads and writes text."""
        parts = {name: getattr(self.module, name) for name in ("text_encoder", "text_decoder")}
        return nn.ModuleDict(parts).train(self.module.training)

    def generate(self, images: torch.Tensor, questions: Sequence[str]) -> list[Answer]:
        """Answer B questions about (B, 3, H, W) float32 images, greedily.

        How likely an answer is, is what ``score`` says of its text. Raises RatevalError for
        questions without a word.
        """
        self._require_alike(images, questions=questions)
        with torch.no_grad():
            read = self._see(images, questions)
            ids = torch.full((len(images), 1), self._words.begin, device=read[0].device)
            ended = torch.zeros_like(ids[:, 0], dtype=torch.bool)
            for _ in range(self._most):
                chosen = self._decode(read, ids, torch.ones_like(ids))[:, -1].argmax(dim=1)
                ids = torch.cat([ids, chosen[:, None]], dim=1)
                ended |= chosen == self._words.end
                if bool(ended.all()):
                    break
            texts = self._words.read(ids[:, 1:])
            sums = self._score(read, self._words.answers(texts)).sum(dim=1).tolist()
        return [Answer(text, value) for text, value in zip(texts, sums, strict=True)]

    def score(
        self, images: torch.Tensor, questions: Sequence[str], answers: Sequence[str]
    ) -> TokenScores:
        """Score a given answer to each of B questions, differentiable by images and weights.

        Raises RatevalError for questions without a word, and for answers that are longer than it
        can write.
        """
        self._require_alike(images, questions=questions, answers=answers)
        written = self._words.answers(answers)
        with ExitStack() as stack:
            if self._flow is not None:
                self._flow.steps.clear()
                self._flow.final = ANSWER
                self._flow.reading = written.mask.bool().to(self._device)
                stack.enter_context(watching(self._watched, self._flow))
            scores = self._score(self._see(images, questions), written)
        return TokenScores(scores, written.spans)

    def put_on_grid(self, relevance: torch.Tensor) -> torch.Tensor:
        """Put relevance of class token and patches (B, N) on the patches, (B, rows, cols)."""
        return relevance[:, 1:].reshape(len(relevance), *self.grid)

    @property
    def _device(self) -> torch.device:
        device: torch.device = self.module.visual_encoder.cls_token.device
        return device

    def _see(self, images: torch.Tensor, questions: Sequence[str]) -> Read:
        ids, mask = (one.to(self._device) for one in self._words.questions(questions))
        dtype = self.module.visual_encoder.cls_token.dtype
        seen = self.module.visual_encoder.forward_features(images.to(self._device, dtype))
        states = self.module.text_encoder.forward_automask(
            tokenized_text=BatchEncoding({"input_ids": ids, "attention_mask": mask}),
            visual_embeds=seen,
        ).last_hidden_state
        return states, mask

    def _score_each(
        self, seen: Read, questions: Sequence[str], answers: Sequence[str]
    ) -> torch.Tensor:
        states, mask = (one.repeat_interleave(len(answers), dim=0) for one in seen)
        written = self._words.answers([*answers] * len(questions))
        return self._score((states, mask), written).sum(dim=1)

    def _decode(self, read: Read, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Return scores of all words after each of (B, T) ids, (B, T, V)."""
        logits: torch.Tensor = self.module.text_decoder(
            ids,
            attention_mask=mask,
            encoder_hidden_states=read[0],
            encoder_attention_mask=read[1],
            use_cache=False,
            return_dict=True,
        ).logits
        return logits

    def _score(self, read: Read, written: Written) -> torch.Tensor:
        device = self._device
        mask = written.mask.to(device)
        logits = self._decode(read, written.inputs.to(device), mask)
        # Half precision would round away what differs between likely words.
        scores = logits.float().log_softmax(dim=-1)
        chosen: torch.Tensor = scores.gather(2, written.targets.to(device)[..., None])[..., 0]
        return chosen.where(mask.bool(), chosen.new_zeros(()))


def make_albef_vqa(params: LavisAlbefVqaParams, context: Context) -> LavisAnsweringModel:
    """Build an ALBEF that answers, on the context's device, in its dtype.

    Raises RatevalError for a config of another model, for weights that are unreadable, unsafe or of
    another model, and for a vocabulary that is absent or doesn't fit.
    """
    architecture = find_answering_architecture(params)
    path = locate_weights(params)
    module = build_answering_module(architecture, context.seed)
    loaded = Loaded()
    if path is None and params.token_types:
        raise RatevalError(
            'token_types = true: "random" draws none; leave token_types out, or give a checkpoint'
        )
    if path is not None:
        state = read_state_dict(path, wrappers=("model",))
        loaded = load_answering(module, state, path, token_types=params.token_types)
    model = LavisAnsweringModel(architecture, module, params, loaded)
    model.module.to(device=context.device, dtype=getattr(torch, context.dtype))
    return model
