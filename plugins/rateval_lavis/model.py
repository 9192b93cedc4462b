"""ALBEF and BLIP as rateval models: LAVIS' own classes, unmodified."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from rateval.api import Context, ModelCard, RatevalError, Readout
from rateval.modelkit import (
    Attend,
    Geometry,
    choose_layers,
    copy_file,
    fill_prompts,
    passing,
    read_state_dict,
    record_blocks,
    record_probabilities,
    write_salesforce_checkpoint,
)
from rateval_lavis.architecture import Architecture, build_module, find_architecture
from rateval_lavis.checkpoint import Loaded, has_token_types, load_weights, rename
from rateval_lavis.files import locate_vocabulary, locate_weights
from rateval_lavis.params import LavisAlbefParams, LavisBlipParams, LavisParams
from rateval_lavis.recording import attend
from rateval_lavis.tokens import Tokenizer
from rateval_lavis.upstream import BatchEncoding

_LICENCE = "BSD-3-Clause for Salesforce's own checkpoints, else unknown"
_SOURCE = "github.com/salesforce/LAVIS"


class LavisModel:
    """The dual encoder of a LAVIS model as a ``rateval.api.Model``."""

    prefix_tokens = 1
    """The class token."""
    readout: Readout = "class token"
    """The projection of the last block's class token is what images are compared by."""

    def __init__(
        self,
        architecture: Architecture,
        module: Any,
        params: LavisParams,
        loaded: Loaded,
    ) -> None:
        """Wrap ``module``, an AlbefFeatureExtractor or BlipFeatureExtractor of LAVIS."""
        self.name = architecture.name
        self.module: torch.nn.Module = module
        self.image_tower: torch.nn.Module = module.visual_encoder
        self.grid: tuple[int, int] = tuple(module.visual_encoder.patch_embed.grid_size)
        self.depth = len(module.visual_encoder.blocks)
        self._lavis = module
        self._architecture = architecture
        self._params = params
        self.geometry = Geometry(architecture.transform)
        normalise = architecture.transform.transforms[-1]
        self.card = ModelCard(
            architecture=architecture.name,
            image_size=tuple(module.visual_encoder.patch_embed.img_size),
            mean=tuple(normalise.mean),
            std=tuple(normalise.std),
            text_length=architecture.text_length,
            head_feature="class token",
            licence=_LICENCE if loaded.used else "unknown",
            source=_SOURCE,
            checkpoint=params.pretrained if loaded.used else "",
            keys_used=loaded.used,
            keys_ignored=loaded.ignored,
            assumed=loaded.assumed,
        )

    @property
    def logit_scale(self) -> torch.Tensor:
        """Factor on the cosine of image and text, () float32: 1 / temperature."""
        temperature: torch.Tensor = self._lavis.temp
        return 1 / temperature.float().reshape(())

    def preprocess(self, image: Image.Image) -> torch.Tensor:
        """Turn an RGB image into (3, H, W) float32 by LAVIS' processor for evaluation."""
        return self.geometry.image(image)

    def preprocess_mask(self, mask: NDArray[np.bool_]) -> torch.Tensor:
        """Turn a mask of the image's size into (H, W) bool by the geometry of ``preprocess``."""
        return self.geometry.mask(mask)

    def encode_image(self, images: torch.Tensor) -> torch.Tensor:
        """Embed (B, 3, H, W) float32 as (B, D), not normalised."""
        embedding: torch.Tensor = self._lavis.vision_proj(self.features(images))
        return embedding

    def features(self, images: torch.Tensor) -> torch.Tensor:
        """Return the vision tower's class token: (B, 3, H, W) float32 to (B, F)."""
        weight = next(self.image_tower.parameters())
        tokens = self._lavis.visual_encoder.forward_features(images.to(weight.device, weight.dtype))
        class_token: torch.Tensor = tokens[:, 0]
        return class_token

    def prompts(self, classes: Sequence[str]) -> list[list[str]]:
        """Return the prompts of each class, one for each template."""
        return fill_prompts(self._params.prompt, classes)

    def encode_text(self, prompts: Sequence[str] | torch.Tensor) -> torch.Tensor:
        """Embed K strings, or (K, T) int64 token ids with 0 as padding, as (K, D), not normalised.

        Raises RatevalError when the vocabulary is absent, and for ids that don't fit the model.
        """
        ids = prompts if isinstance(prompts, torch.Tensor) else self.tokenizer(list(prompts))
        tower = self._lavis.text_encoder
        self._check_ids(ids, tower.config)
        ids = ids.to(self._lavis.device)
        given = BatchEncoding(
            {"input_ids": ids, "attention_mask": (ids != tower.config.pad_token_id).long()}
        )
        # LAVIS adds a token-type embedding only where ids are given.
        types = torch.zeros_like(ids) if tower.config.add_type_embeddings else None
        tokens = tower.forward_text(given, token_type_ids=types).last_hidden_state
        embedding: torch.Tensor = self._lavis.text_proj(tokens[:, 0])
        return embedding

    def _check_ids(self, ids: torch.Tensor, config: Any) -> None:
        if ids.shape[1] > config.max_position_embeddings:
            raise RatevalError(
                f"{self.name}: {ids.shape[1]} tokens are more than the "
                f"{config.max_position_embeddings} positions of its text tower; cut the prompts"
            )
        if ids.numel() and int(ids.max()) >= config.vocab_size:
            raise RatevalError(
                f"{self.name}: token id {int(ids.max())} lies outside the model's vocabulary of "
                f"{config.vocab_size}; set vocabulary to the file that the model was trained with"
            )

    @cached_property
    def tokenizer(self) -> Tokenizer:
        """What turns K strings into (K, T) int64 ids; read on first use."""
        rows = self._lavis.text_encoder.config.vocab_size
        return Tokenizer(locate_vocabulary(self._params), self._architecture, rows)

    def record_attention(
        self, layers: Sequence[int]
    ) -> AbstractContextManager[dict[int, torch.Tensor]]:
        """Record the vision self-attention of ``layers`` (0 is the first) within the context.

        See ``rateval.modelkit.record_probabilities``. Raises RatevalError for a layer that is not
        there.
        """
        return record_probabilities(self._choose(layers))

    def record_blocks(
        self, layers: Sequence[int]
    ) -> AbstractContextManager[dict[int, tuple[torch.Tensor, torch.Tensor]]]:
        """Record attention and tokens after the blocks of ``layers`` within the context.

        See ``rateval.modelkit.record_blocks``. Raises RatevalError for a layer that is not there.
        """
        return record_blocks(self._choose(layers), self._lavis.visual_encoder.blocks)

    def read_tokens(self, tokens: torch.Tensor) -> AbstractContextManager[None]:
        """Read embedding and features from ``tokens`` (B, N, D) within the context."""
        return passing([*self._lavis.visual_encoder.blocks], tokens)

    def _choose(self, layers: Sequence[int]) -> dict[int, tuple[torch.nn.Module, Attend]]:
        blocks = choose_layers(self.name, self._lavis.visual_encoder.blocks, layers)
        return {layer: (block.attn, partial(attend, block.attn)) for layer, block in blocks.items()}

    def load_checkpoint(self, state: Mapping[str, torch.Tensor], source: Path) -> None:
        """Replace all weights by those of a checkpoint, official or saved by LAVIS.

        ``source`` is where it comes from. Raises RatevalError, before anything is changed, when
        keys are missing, unexpected or of another shape.
        """
        fuses = self._architecture.family == "albef"
        loaded = load_weights(self.module, rename(state), source, fuses=fuses)
        self.card = replace(
            self.card,
            licence="unknown",
            checkpoint=str(source),
            keys_used=loaded.used,
            keys_ignored=loaded.ignored,
            assumed=loaded.assumed,
        )

    def export_checkpoint(self, folder: Path) -> tuple[Path, ...]:
        """Write model.pth, which LAVIS loads, and the vocabulary; return the files written.

        Fusion layers and all else that only other tasks use are no part of the model here, and are
        not written.
        """
        weights = write_salesforce_checkpoint(self.module.state_dict(), folder / "model.pth")
        vocabulary = locate_vocabulary(self._params)
        if vocabulary is None:
            return (weights,)
        return (weights, copy_file(vocabulary, folder / "vocab.txt"))


def make_albef(params: LavisAlbefParams, context: Context) -> LavisModel:
    """Build ALBEF on the context's device, in its dtype.

    Raises RatevalError for a config that is not one of ALBEF, and for weights that are unreadable,
    unsafe or of another model.
    """
    return _make(params, context, params.token_types)


def make_blip(params: LavisBlipParams, context: Context) -> LavisModel:
    """Build BLIP on the context's device, in its dtype.

    Raises RatevalError for a config that is not one of BLIP, and for weights that are unreadable,
    unsafe or of another model.
    """
    return _make(params, context, token_types=False)


def _make(params: LavisParams, context: Context, token_types: bool | None) -> LavisModel:
    architecture = find_architecture(params)
    path = locate_weights(params)
    if path is None:
        module = build_module(architecture, context.seed, bool(token_types))
        model = LavisModel(architecture, module, params, Loaded())
    else:
        state = rename(read_state_dict(path, wrappers=("model",)))
        types = has_token_types(state) if token_types is None else token_types
        module = build_module(architecture, context.seed, types)
        fuses = architecture.family == "albef"
        loaded = load_weights(module, state, path, fuses=fuses)
        model = LavisModel(architecture, module, params, loaded)
    model.module.to(device=context.device, dtype=getattr(torch, context.dtype))
    return model
