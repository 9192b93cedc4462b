"""ALBEF and BLIP as rateval models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import nn
from torchvision.transforms import Compose, InterpolationMode, Normalize, Resize, ToTensor

from rateval.api import Context, RatevalError, Readout
from rateval.modelkit import (
    Attend,
    Geometry,
    choose_layers,
    fill_prompts,
    passing,
    read_weights,
    record_blocks,
    record_probabilities,
)
from rateval_vlp.architecture import (
    PADDING,
    Architecture,
    albef_architecture,
    blip_architecture,
)
from rateval_vlp.card import make_card
from rateval_vlp.export import write_hugging_face, write_official
from rateval_vlp.files import Files, locate, require_same_preparation
from rateval_vlp.params import AlbefParams, BlipParams
from rateval_vlp.recording import attend, attention_layers
from rateval_vlp.tokens import WordPieces
from rateval_vlp.towers import DualEncoder, build
from rateval_vlp.weights import Loaded, load_weights


class ImageTextModel:
    """The dual encoder of ALBEF or BLIP as a ``rateval.api.Model``."""

    prefix_tokens = 1
    """The class token."""
    readout: Readout = "class token"

    def __init__(
        self,
        architecture: Architecture,
        module: DualEncoder,
        params: AlbefParams | BlipParams,
        files: Files,
        loaded: Loaded,
    ) -> None:
        """Wrap ``module``, which holds the weights of ``files``."""
        self.name = architecture.name
        self.module = module
        self.image_tower: nn.Module = nn.ModuleDict(
            {"visual_encoder": module.visual_encoder, "vision_proj": module.vision_proj}
        ).train(module.training)
        self._attention = attention_layers(module.visual_encoder)
        self.depth = len(self._attention)
        rows, columns = module.visual_encoder.patch_embed.grid_size
        self.grid: tuple[int, int] = (rows, columns)
        self._architecture = architecture
        self._files = files
        self._templates = params.prompt
        self.geometry = _geometry(architecture.size.image_size, params)
        self.card = make_card(architecture, params, files, loaded)

    @property
    def logit_scale(self) -> torch.Tensor:
        """Factor on the cosine of image and text, () float32: one over the temperature."""
        return 1 / self.module.temp.float()

    def preprocess(self, image: Image.Image) -> torch.Tensor:
        """Turn an RGB image into (3, H, W) float32 by the official test transform."""
        return self.geometry.image(image)

    def preprocess_mask(self, mask: NDArray[np.bool_]) -> torch.Tensor:
        """Turn a mask of the image's size into (H, W) bool by the geometry of ``preprocess``."""
        return self.geometry.mask(mask)

    def encode_image(self, images: torch.Tensor) -> torch.Tensor:
        """Embed (B, 3, H, W) float32 as (B, D), not normalised."""
        embedding: torch.Tensor = self.module.vision_proj(self.features(images))
        return embedding

    def features(self, images: torch.Tensor) -> torch.Tensor:
        """Return the vision tower's class token: (B, 3, H, W) float32 to (B, F)."""
        weight = self.module.vision_proj.weight
        class_token: torch.Tensor = self.module.visual_encoder(
            images.to(weight.device, weight.dtype)
        )
        return class_token

    def prompts(self, classes: Sequence[str]) -> list[list[str]]:
        """Return the prompts of each class, one for each template."""
        return fill_prompts(self._templates, classes)

    def encode_text(self, prompts: Sequence[str] | torch.Tensor) -> torch.Tensor:
        """Embed K strings, or (K, T) int64 token ids padded with 0, as (K, D), not normalised.

        Raises RatevalError when strings need a vocabulary that is absent, and for ids that the
        model cannot have been trained with.
        """
        ids = prompts if isinstance(prompts, torch.Tensor) else self.tokenizer(prompts)
        self._check_ids(ids)
        return self.module.embed_text(ids.to(self.module.text_proj.weight.device))

    def _check_ids(self, ids: torch.Tensor) -> None:
        size = self._architecture.size
        if ids.shape[-1] > size.max_positions:
            raise RatevalError(
                f"{self.name}: a prompt of {ids.shape[-1]} tokens; there are {size.max_positions} "
                "positions"
            )
        if ids.numel() and not 0 <= int(ids.min()) <= int(ids.max()) < size.vocabulary_size:
            raise RatevalError(
                f"{self.name}: token ids from {int(ids.min())} to {int(ids.max())}; they must lie "
                f"in 0 to {size.vocabulary_size - 1}: the tokenizer is not this model's"
            )
        if bool((ids[:, 0] == PADDING).any()):
            raise RatevalError(f"{self.name}: a prompt begins with padding ({PADDING})")

    @cached_property
    def tokenizer(self) -> WordPieces:
        """What turns K strings into (K, T) int64 ids; read on first use."""
        return WordPieces(self._files.vocabulary, self._architecture)

    def record_attention(
        self, layers: Sequence[int]
    ) -> AbstractContextManager[dict[int, torch.Tensor]]:
        """Record the vision self-attention of ``layers`` (0 is the first) within the context.

        See ``rateval_vlp.recording.attend``. Raises RatevalError for a layer that is not there.
        """
        return record_probabilities(self._choose(layers))

    def record_blocks(
        self, layers: Sequence[int]
    ) -> AbstractContextManager[dict[int, tuple[torch.Tensor, torch.Tensor]]]:
        """Record attention and tokens after the blocks of ``layers`` within the context.

        See ``rateval.modelkit.record_blocks``. Raises RatevalError for a layer that is not there.
        """
        return record_blocks(self._choose(layers), [*self.module.visual_encoder.blocks])

    def read_tokens(self, tokens: torch.Tensor) -> AbstractContextManager[None]:
        """Read embedding and features from ``tokens`` (B, N, D) within the context."""
        return passing([*self.module.visual_encoder.blocks], tokens)

    def _choose(self, layers: Sequence[int]) -> dict[int, tuple[nn.Module, Attend]]:
        chosen = choose_layers(self.name, self._attention, layers)
        return {i: (layer, partial(attend, layer)) for i, layer in chosen.items()}

    def load_checkpoint(self, state: Mapping[str, torch.Tensor], source: Path) -> None:
        """Replace all weights by those of a checkpoint with the official key names.

        ``source`` is where it comes from. Raises RatevalError, before anything is changed, when
        keys are missing, unexpected or of another shape.
        """
        loaded = load_weights(self.module, self._architecture, state, source)
        self.card = replace(
            self.card,
            licence="unknown",
            checkpoint=str(source),
            keys_used=loaded.used,
            keys_ignored=loaded.ignored,
            assumed=loaded.assumed,
        )

    def export_checkpoint(self, folder: Path) -> tuple[Path, ...]:
        """Write model.pth with the official names; return the files written.

        What was read from a Hugging Face folder is written as one. See ``rateval_vlp.export``.
        """
        made = (folder, self.module, self._architecture, self._files)
        if self._architecture.hugging_face:
            return write_hugging_face(*made, self.card.mean, self.card.std)
        return write_official(*made)


def _geometry(side: int, params: AlbefParams | BlipParams) -> Geometry:
    return Geometry(
        Compose(
            [
                Resize((side, side), interpolation=InterpolationMode.BICUBIC),
                ToTensor(),
                Normalize(params.image_mean, params.image_std),
            ]
        )
    )


def make_albef(params: AlbefParams, context: Context) -> ImageTextModel:
    """Build ALBEF's dual encoder on the context's device, in its dtype.

    Raises RatevalError for weights that are absent, unreadable, unsafe or of another architecture,
    and for a given vocabulary that doesn't fit.
    """
    files = locate(params)
    return _make(albef_architecture(params, files.config), params, files, context)


def make_blip(params: BlipParams, context: Context) -> ImageTextModel:
    """Build BLIP's dual encoder on the context's device, in its dtype.

    Raises RatevalError for weights that are absent, unreadable, unsafe or of another architecture,
    and for a given vocabulary that doesn't fit.
    """
    files = locate(params)
    architecture = blip_architecture(params, files.config)
    if architecture.hugging_face and files.config is not None:
        require_same_preparation(params, files.config.parent)
    return _make(architecture, params, files, context)


def _make(
    architecture: Architecture,
    params: AlbefParams | BlipParams,
    files: Files,
    context: Context,
) -> ImageTextModel:
    module = build(architecture, context.seed)
    loaded = Loaded(0, ())
    if files.weights is not None:
        read = read_weights(
            files.weights, module.state_dict(), prefix=params.prefix, weights=params.weights
        )
        loaded = load_weights(module, architecture, read.state, files.weights)
        loaded = replace(
            loaded,
            ignored=(*loaded.ignored, *read.left_out),
            assumed=(*loaded.assumed, *read.told),
        )
    if architecture.temperature is not None:
        with torch.no_grad():
            module.temp.fill_(architecture.temperature)
    model = ImageTextModel(architecture, module, params, files, loaded)
    if params.vocabulary is not None:
        model.tokenizer(())  # what was given has to fit, needed or not
    module.to(device=context.device, dtype=getattr(torch, context.dtype))
    return model
