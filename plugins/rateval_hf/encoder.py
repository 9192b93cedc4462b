"""What CLIP and SigLIP of transformers offer, wherever their weights came from."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import nn
from transformers.modeling_outputs import BaseModelOutput

from rateval.api import ModelCard, RatevalError, Readout
from rateval.modelkit import (
    Geometry,
    choose_layers,
    fill_prompts,
    record_blocks,
    record_probabilities,
    replaced_forward,
)
from rateval_hf.tokens import Tokens
from rateval_hf.tower import attention_layers


class Encoder:
    """A CLIPModel or SiglipModel with its geometry and prompts.

    SigLIP's bias on the logits is left out: it is common to all classes, so that it changes
    neither a prediction nor a probability over the classes nor a relevance.
    """

    card: ModelCard
    tokenizer: Tokens | None
    """What turns K strings into (K, T) int64 ids; None where the model came without one."""

    def __init__(
        self, name: str, module: Any, geometry: Geometry, templates: str | Sequence[str]
    ) -> None:
        """Wrap a module. Raises RatevalError when its image tower can't be recorded."""
        config = module.config
        vision = config.vision_config
        self.name = name
        self.module: nn.Module = module
        self._is_clip = config.model_type == "clip"
        parts = {"vision_model": module.vision_model}
        if self._is_clip:
            parts["visual_projection"] = module.visual_projection
        self.image_tower: nn.Module = nn.ModuleDict(parts)
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
        self.geometry = geometry
        self._text_config = config.text_config
        self._templates = templates

    @property
    def logit_scale(self) -> torch.Tensor:
        """Factor on the cosine of image and text, () float32, already exponentiated."""
        module: Any = self.module
        scale: torch.Tensor = module.logit_scale.float().exp().reshape(())
        return scale

    def preprocess(self, image: Image.Image) -> torch.Tensor:
        """Turn an RGB image into (3, H, W) float32 by the model's image transform."""
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

        Raises RatevalError when the tokenizer or its files are absent, and for ids that the model
        cannot have been trained with.
        """
        ids = prompts if isinstance(prompts, torch.Tensor) else self._tokenize(prompts)
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

    def record_attention(
        self, layers: Sequence[int]
    ) -> AbstractContextManager[dict[int, torch.Tensor]]:
        """Record the vision attention of ``layers`` (0 is the first) within the context.

        See ``rateval_hf.tower``. Raises RatevalError for a layer that is not there.
        """
        return record_probabilities(choose_layers(self.name, self._layers, layers))

    def record_blocks(
        self, layers: Sequence[int]
    ) -> AbstractContextManager[dict[int, tuple[torch.Tensor, torch.Tensor]]]:
        """Record attention and tokens after the blocks of ``layers`` within the context.

        See ``rateval.modelkit.record_blocks``. Raises RatevalError for a layer that is not there.
        """
        blocks = self._encoder.layers
        return record_blocks(choose_layers(self.name, self._layers[: len(blocks)], layers), blocks)

    def read_tokens(self, tokens: torch.Tensor) -> AbstractContextManager[None]:
        """Read embedding and features from ``tokens`` (B, N, D) within the context."""
        # The blocks of versions before 5 return tuples; the encoder's output is the same in all.
        output = BaseModelOutput(last_hidden_state=tokens)
        return replaced_forward(self._encoder, lambda *_, **__: output)

    @property
    def _encoder(self) -> Any:
        module: Any = self.module
        return module.vision_model.encoder

    def _tokenize(self, prompts: Sequence[str]) -> torch.Tensor:
        if self.tokenizer is None:
            raise RatevalError(
                f"{self.name}: it came without a tokenizer; give rateval.wrap its tokenizer or "
                "processor, or rateval.evaluate a head"
            )
        return self.tokenizer(prompts)


def name_architecture(module: Any) -> str:
    """Return what a model is, such as ``CLIPModel (vision 12 x 768, patch 32 of 224 px)``."""
    vision = module.config.vision_config
    return (
        f"{type(module).__name__} (vision {vision.num_hidden_layers} x "
        f"{vision.hidden_size}, patch {vision.patch_size} of {vision.image_size} px)"
    )
