"""What every open_clip model offers, wherever its weights came from, and live ones wrapped."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any, NoReturn, cast

import numpy as np
import torch
from numpy.typing import NDArray
from open_clip.tokenizer import SimpleTokenizer
from PIL import Image

from rateval.api import ModelCard, RatevalError
from rateval.modelkit import (
    Attend,
    Geometry,
    choose_layers,
    fill_prompts,
    passing,
    read_transform,
    record_blocks,
    record_probabilities,
    require_templates,
)
from rateval_clip.preprocessing import make_geometry
from rateval_clip.tokens import Tokenizer
from rateval_clip.tower import Tower, first_token_only, read_tower

_VOCABULARY = 49408
"""Words of CLIP's byte-pair encoding, which open_clip carries."""


class Encoder:
    """An open_clip model with its geometry and prompts.

    SigLIP's bias on the logits is left out: it is common to all classes, so that it changes
    neither a prediction nor a probability over the classes nor a relevance.
    """

    card: ModelCard
    geometry: Geometry
    tokenizer: Tokenizer | None
    """What turns K strings into (K, T) int64 ids; None where the model came without one."""

    def __init__(
        self, name: str, module: torch.nn.Module, tower: Tower, templates: str | Sequence[str]
    ) -> None:
        self.name = name
        self.module = module
        self.image_tower = cast(torch.nn.Module, module.visual)
        self.grid = tower.grid
        self.prefix_tokens = tower.prefix_tokens
        self.readout = tower.readout
        self.depth = len(tower.layers)
        self.image_size = cast(tuple[int, int], tuple(self.image_tower.image_size))  # type: ignore[arg-type]
        """Height and width that ``preprocess`` yields."""
        self._tower = tower
        self._templates = templates

    @property
    def logit_scale(self) -> torch.Tensor:
        """Factor on the cosine of image and text, () float32, already exponentiated."""
        return cast(torch.Tensor, self.module.logit_scale).float().exp().reshape(())

    def preprocess(self, image: Image.Image) -> torch.Tensor:
        """Turn an RGB image into (3, H, W) float32 by open_clip's inference transform."""
        return self.geometry.image(image)

    def preprocess_mask(self, mask: NDArray[np.bool_]) -> torch.Tensor:
        """Turn a mask of the image's size into (H, W) bool by the geometry of ``preprocess``."""
        return self.geometry.mask(mask)

    def encode_image(self, images: torch.Tensor) -> torch.Tensor:
        """Embed (B, 3, H, W) float32 as (B, D), not normalised."""
        weight = next(self.image_tower.parameters())
        # Nothing after the last attention reads the other tokens. Where weights are trained, the
        # order of sums stays as it is.
        with self._shortened() if torch.is_inference_mode_enabled() else nullcontext():
            embedding: torch.Tensor = self.image_tower(images.to(weight.device, weight.dtype))
        return embedding

    def _shortened(self) -> AbstractContextManager[None]:
        return first_token_only(*self._tower.tail)

    def features(self, images: torch.Tensor) -> torch.Tensor:
        """Return the projected image embedding, not normalised: (B, 3, H, W) to (B, D)."""
        return self.encode_image(images)

    def prompts(self, classes: Sequence[str]) -> list[list[str]]:
        """Return the prompts of each class, one for each template."""
        return fill_prompts(self._templates, classes)

    def encode_text(self, prompts: Sequence[str] | torch.Tensor) -> torch.Tensor:
        """Embed K strings, or (K, T) int64 token ids, as (K, D), not normalised.

        Raises RatevalError when the tokenizer or its files are absent, or when an id lies outside
        the model's vocabulary.
        """
        ids = prompts if isinstance(prompts, torch.Tensor) else self._tokenize(list(prompts))
        module: Any = self.module
        embedding_table = getattr(module, "text", module).token_embedding
        vocabulary = embedding_table.num_embeddings
        if ids.numel() and int(ids.max()) >= vocabulary:
            raise RatevalError(
                f"{self.name}: token id {int(ids.max())} lies outside the model's vocabulary of "
                f"{vocabulary}; the tokenizer is not the one this model was trained with: set "
                "hf_tokenizer_name in text_cfg, or pass token ids"
            )
        embedding: torch.Tensor = module.encode_text(ids.to(embedding_table.weight.device))
        return embedding

    def record_attention(
        self, layers: Sequence[int]
    ) -> AbstractContextManager[dict[int, torch.Tensor]]:
        """Record the vision attention of ``layers`` (0 is the first) within the context.

        See ``rateval.modelkit.record_probabilities``. Where the embedding is read from the class
        token, what follows the last attention is computed for that token alone. Raises RatevalError
        for a layer that is not there.
        """
        return self._record(choose_layers(self.name, self._tower.layers, layers))

    @contextmanager
    def _record(
        self, chosen: Mapping[int, tuple[torch.nn.Module, Attend]]
    ) -> Iterator[dict[int, torch.Tensor]]:
        with self._shortened(), record_probabilities(chosen) as recorded:
            yield recorded

    def record_blocks(
        self, layers: Sequence[int]
    ) -> AbstractContextManager[dict[int, tuple[torch.Tensor, torch.Tensor]]]:
        """Record attention and all tokens after the blocks of ``layers`` within the context.

        See ``rateval.modelkit.record_blocks``. Raises RatevalError for a layer that is not there.
        """
        blocks = self._blocks()
        chosen = choose_layers(self.name, self._tower.layers[: len(blocks)], layers)
        return record_blocks(chosen, blocks)

    def read_tokens(self, tokens: torch.Tensor) -> AbstractContextManager[None]:
        """Read embedding and features from ``tokens`` (B, N, D) within the context."""
        return passing(self._blocks(), tokens)

    def _blocks(self) -> tuple[torch.nn.Module, ...]:
        if not self._tower.blocks:
            raise RatevalError(
                f"{self.name}: the tokens of its blocks cannot be had: they stand before the batch "
                "(batch_first is false); build the model with batch_first"
            )
        return self._tower.blocks

    def _tokenize(self, prompts: list[str]) -> torch.Tensor:
        if self.tokenizer is None:
            raise RatevalError(
                f"{self.name}: it came without a tokenizer, and its vocabulary is not CLIP's own; "
                "give rateval.wrap its tokenizer, what open_clip.get_tokenizer returns, or "
                "rateval.evaluate a head"
            )
        return self.tokenizer(prompts)


class WrappedClip(Encoder):
    """A live open_clip model as a ``rateval.api.Model``; its weights stay its owner's."""

    def load_checkpoint(self, state: Mapping[str, torch.Tensor], source: Path) -> NoReturn:
        """Raise RatevalError: the owner loads weights."""
        raise RatevalError(f"{source}: load it into the module yourself, and wrap that again")

    def export_checkpoint(self, folder: Path) -> NoReturn:
        """Raise RatevalError: the owner saves weights."""
        raise RatevalError(f"{folder}: save the module yourself; rateval has only wrapped it")


def wrap_clip(
    module: Any,
    *,
    tokenizer: Any = None,
    preprocess: Any = None,
    prompt: Any = "a photo of a {class}",
) -> WrappedClip:
    """Wrap a live ``open_clip.CLIP`` or ``CustomTextCLIP``.

    Without ``preprocess`` images are prepared as open_clip noted in the module, without
    ``tokenizer`` a vocabulary of CLIP's size is taken for CLIP's. Raises RatevalError where the
    module notes nothing, for a transform of another size, and for a tower whose attention cannot be
    recorded.
    """
    name = type(module).__name__
    made = WrappedClip(name, module, read_tower(module.visual, name), require_templates(prompt))
    assumed: list[str] = []
    noted = getattr(module.visual, "preprocess_cfg", None)
    if preprocess is not None:
        read = read_transform(preprocess)
        made.geometry, size, mean, std = read.geometry, read.size, read.mean, read.std
    elif noted:
        made.geometry, config = make_geometry({**noted, "size": made.image_size})
        size, mean, std = made.image_size, tuple(config.mean), tuple(config.std)
        assumed.append("images are prepared as open_clip noted in the module")
    else:
        raise RatevalError(
            f"{name}: preprocess is missing, and the module notes none; give what "
            "open_clip.create_model_and_transforms returns for evaluation"
        )
    if size != made.image_size:
        raise RatevalError(
            f"{name}: preprocess makes images of {size[0]} x {size[1]} pixels, and the model takes "
            f"{made.image_size[0]} x {made.image_size[1]}; give the transform that belongs to it"
        )
    made.tokenizer = tokenizer
    if tokenizer is None and getattr(module, "vocab_size", None) == _VOCABULARY:
        made.tokenizer = SimpleTokenizer(context_length=module.context_length)
        assumed.append("prompts are split by CLIP's own byte-pair encoding")
    made.card = ModelCard(
        architecture=name,
        image_size=size,
        mean=mean,
        std=std,
        text_length=int(module.context_length),
        head_feature="projected embedding",
        licence="unknown",
        source="a live model of open_clip",
        checkpoint="",
        assumed=tuple(assumed),
    )
    return made
