"""CLIP and SigLIP as rateval models: transformers' own classes, unmodified."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import nn

from rateval.api import Context, ModelCard, RatevalError, Readout
from rateval.modelkit import choose_layers, fill_prompts, record_probabilities
from rateval_hf.export import write_folder
from rateval_hf.files import folder_of
from rateval_hf.params import HfClipParams
from rateval_hf.preprocessing import Preprocessing, make_preprocessing
from rateval_hf.tokens import FolderTokens
from rateval_hf.tower import attention_layers
from rateval_hf.weights import Loaded, load, load_weights


class HfClip:
    """A CLIPModel or SiglipModel as a ``rateval.api.Model``.

    SigLIP's bias on the logits is left out: it is common to all classes, so that it changes
    neither a prediction nor a probability over the classes nor a relevance.
    """

    def __init__(self, loaded: Loaded, preprocessing: Preprocessing, params: HfClipParams) -> None:
        """Wrap what was loaded from a folder.

        Raises RatevalError when the image tower's attention cannot be recorded.
        """
        module: Any = loaded.module
        vision = loaded.config.vision_config
        self.name = folder_of(params).name
        self.module = loaded.module
        self._is_clip = loaded.is_clip
        parts = {"vision_model": module.vision_model}
        if self._is_clip:
            parts["visual_projection"] = module.visual_projection
        self.image_tower: nn.Module = nn.ModuleDict(parts).eval()
        self.readout: Readout = "class token" if self._is_clip else "attention pool"
        self.prefix_tokens = 1 if self._is_clip else 0
        self._layers = attention_layers(module.vision_model)
        self.depth = len(self._layers)
        if self.depth == vision.num_hidden_layers and not self._is_clip:
            raise RatevalError(
                f"{self.name}: vision_use_head is false in its config, so that nothing makes one "
                "embedding of its patches; give a folder with SigLIP's attention pool"
            )
        side = vision.image_size // vision.patch_size
        self.grid: tuple[int, int] = (side, side)
        self.geometry = preprocessing.geometry
        self._preprocessing = preprocessing
        self._folder = folder_of(params)
        self._text_config = loaded.config.text_config
        self._templates = params.prompt
        self.card = _card(loaded, preprocessing)

    @property
    def logit_scale(self) -> torch.Tensor:
        """Factor on the cosine of image and text, () float32, already exponentiated."""
        module: Any = self.module
        scale: torch.Tensor = module.logit_scale.float().exp().reshape(())
        return scale

    def preprocess(self, image: Image.Image) -> torch.Tensor:
        """Turn an RGB image into (3, H, W) float32 by the folder's image transform."""
        return self.geometry.image(image)

    def preprocess_mask(self, mask: NDArray[np.bool_]) -> torch.Tensor:
        """Turn a mask of the image's size into (H, W) bool by the geometry of ``preprocess``."""
        return self.geometry.mask(mask)

    def encode_image(self, images: torch.Tensor) -> torch.Tensor:
        """Embed (B, 3, H, W) float32 as (B, D), not normalised."""
        module: Any = self.module
        weight = module.logit_scale
        tokens = module.vision_model(pixel_values=images.to(weight.device, weight.dtype))
        pooled: torch.Tensor = tokens.pooler_output
        return module.visual_projection(pooled) if self._is_clip else pooled

    def features(self, images: torch.Tensor) -> torch.Tensor:
        """Return the image embedding, not normalised: (B, 3, H, W) to (B, D)."""
        return self.encode_image(images)

    def prompts(self, classes: Sequence[str]) -> list[list[str]]:
        """Return the prompts of each class, one for each template."""
        return fill_prompts(self._templates, classes)

    def encode_text(self, prompts: Sequence[str] | torch.Tensor) -> torch.Tensor:
        """Embed K strings, or (K, T) int64 token ids, as (K, D), not normalised.

        Raises RatevalError when the tokenizer's files are absent, and for ids that the model
        cannot have been trained with.
        """
        ids = prompts if isinstance(prompts, torch.Tensor) else self.tokenizer(prompts)
        vocabulary, length = self._text_config.vocab_size, self.card.text_length
        if ids.shape[-1] > length:
            raise RatevalError(f"{self.name}: a prompt of {ids.shape[-1]} tokens, not {length}")
        if ids.numel() and not 0 <= int(ids.min()) <= int(ids.max()) < vocabulary:
            raise RatevalError(
                f"{self.name}: token ids from {int(ids.min())} to {int(ids.max())}; they must lie "
                f"in 0 to {vocabulary - 1}: the tokenizer is not this model's"
            )
        module: Any = self.module
        pooled: torch.Tensor = module.text_model(
            input_ids=ids.to(module.logit_scale.device)
        ).pooler_output
        return module.text_projection(pooled) if self._is_clip else pooled

    @cached_property
    def tokenizer(self) -> FolderTokens:
        """What turns K strings into (K, T) int64 ids; read on first use."""
        return FolderTokens(self._folder, self.card.text_length, self._text_config.vocab_size)

    def record_attention(
        self, layers: Sequence[int]
    ) -> AbstractContextManager[dict[int, torch.Tensor]]:
        """Record the vision attention of ``layers`` (0 is the first) within the context.

        See ``rateval_hf.tower``. Raises RatevalError for a layer that is not there.
        """
        return record_probabilities(choose_layers(self.name, self._layers, layers))

    def load_checkpoint(self, state: Mapping[str, torch.Tensor], source: Path) -> None:
        """Replace all weights by those of a checkpoint with transformers' key names.

        ``source`` is where it comes from. Raises RatevalError, before anything is changed, when
        keys are missing, unexpected or of another shape.
        """
        used, ignored = load_weights(self.module, state, source)
        self.card = replace(self.card, checkpoint=str(source), keys_used=used, keys_ignored=ignored)

    def export_checkpoint(self, folder: Path) -> tuple[Path, ...]:
        """Write a folder that transformers loads; return the files written."""
        return write_folder(folder, self.module, self._folder, self._preprocessing)


def _card(loaded: Loaded, preprocessing: Preprocessing) -> ModelCard:
    vision = loaded.config.vision_config
    return ModelCard(
        architecture=(
            f"{type(loaded.module).__name__} (vision {vision.num_hidden_layers} x "
            f"{vision.hidden_size}, patch {vision.patch_size} of {vision.image_size} px)"
        ),
        image_size=(vision.image_size, vision.image_size),
        mean=preprocessing.mean,
        std=preprocessing.std,
        text_length=loaded.config.text_config.max_position_embeddings,
        head_feature="projected embedding" if loaded.is_clip else "pooled embedding",
        licence="unknown",
        source="github.com/huggingface/transformers",
        checkpoint=str(loaded.checkpoint),
        keys_used=loaded.used,
        keys_ignored=loaded.ignored,
        assumed=(*loaded.assumed, *preprocessing.assumed),
    )


def make_hf_clip(params: HfClipParams, context: Context) -> HfClip:
    """Build the folder's model on the context's device, in its dtype.

    Raises RatevalError for a folder that lacks a file, holds another kind of model, or weights that
    are damaged, unsafe or not those of its config.
    """
    folder: Path = folder_of(params)
    loaded = load(params)
    config = loaded.config
    preprocessing = make_preprocessing(
        folder, config.model_type, config.vision_config.image_size, params
    )
    model = HfClip(loaded, preprocessing, params)
    model.module.to(device=context.device, dtype=getattr(torch, context.dtype))
    return model
