"""CLIP as a rateval model: open_clip's own classes, unmodified."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from rateval.api import Context, RatevalError
from rateval.modelkit import (
    Attend,
    choose_layers,
    fill_prompts,
    read_weights,
    record_probabilities,
)
from rateval_clip.architecture import Architecture, build_module, find_architecture
from rateval_clip.card import make_card
from rateval_clip.checkpoint.agreement import list_assumptions, overrides, require_agreement
from rateval_clip.checkpoint.origin import Origin, find_origin
from rateval_clip.checkpoint.weights import Loaded, load_weights
from rateval_clip.export import write_folder
from rateval_clip.files import locate_config, locate_weights
from rateval_clip.params import ClipParams, names_tag
from rateval_clip.preprocessing import make_geometry
from rateval_clip.recording import first_token_only
from rateval_clip.tokens import Tokenizer, make_tokenizer
from rateval_clip.tower import Tower, read_tower


class Clip:
    """An open_clip model as a ``rateval.api.Model``.

    SigLIP's bias on the logits is left out: it is common to all classes, so that it changes
    neither a prediction nor a probability over the classes nor a relevance.
    """

    def __init__(
        self,
        architecture: Architecture,
        module: torch.nn.Module,
        tower: Tower,
        params: ClipParams,
        weights: Path | None,
        loaded: Loaded,
        origin: Origin | None = None,
    ) -> None:
        """Wrap ``module``, which has the towers of ``architecture`` and was ``loaded``.

        Raises RatevalError when the ``origin`` of the weights is another model.
        """
        self.name = architecture.name
        self.module = module
        self.image_tower = cast(torch.nn.Module, module.visual)
        self.grid = tower.grid
        self.prefix_tokens = tower.prefix_tokens
        self.readout = tower.readout
        self.depth = len(tower.layers)
        self.image_size = cast(tuple[int, int], tuple(self.image_tower.image_size))  # type: ignore[arg-type]
        """Height and width that ``preprocess`` yields."""
        self._architecture = architecture
        self._tower = tower
        self._templates = params.prompt
        self._params = params
        settings = architecture.preprocessing | {"size": self.image_size} | overrides(params)
        self.geometry, self._preprocessing = make_geometry(settings)
        if weights is not None and not names_tag(params):
            assumed = self._assume(origin, params, weights)
            loaded = replace(loaded, assumed=(*assumed, *loaded.assumed))
        self.card = make_card(
            architecture, params, self.image_size, self._preprocessing, weights, loaded
        )

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
        embedding: torch.Tensor = self.image_tower(images.to(weight.device, weight.dtype))
        return embedding

    def features(self, images: torch.Tensor) -> torch.Tensor:
        """Return the projected image embedding, not normalised: (B, 3, H, W) to (B, D)."""
        return self.encode_image(images)

    def prompts(self, classes: Sequence[str]) -> list[list[str]]:
        """Return the prompts of each class, one for each template."""
        return fill_prompts(self._templates, classes)

    def encode_text(self, prompts: Sequence[str] | torch.Tensor) -> torch.Tensor:
        """Embed K strings, or (K, T) int64 token ids, as (K, D), not normalised.

        Raises RatevalError when the tokenizer's files are absent, or when an id lies outside the
        model's vocabulary.
        """
        ids = prompts if isinstance(prompts, torch.Tensor) else self.tokenizer(list(prompts))
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

    @cached_property
    def tokenizer(self) -> Tokenizer:
        """What turns K strings into (K, T) int64 ids; read on first use."""
        text_config = self._architecture.config["text_cfg"]
        return make_tokenizer(text_config, self._architecture.folder, self.name)

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
        tail = self._tower.tail
        shortened = nullcontext() if tail is None else first_token_only(tail)
        with shortened, record_probabilities(chosen) as recorded:
            yield recorded

    def load_checkpoint(self, state: Mapping[str, torch.Tensor], source: Path) -> None:
        """Replace all weights by those of a checkpoint with open_clip's or OpenAI's key names.

        ``source`` is where it comes from. Raises RatevalError, before anything is changed, when
        keys are missing, unexpected or of another shape.
        """
        params = self._params.model_copy(update={"pretrained": str(source)})
        assumed = self._assume(find_origin(source, state), params, source)
        resize = params.resize_positions
        loaded = load_weights(self.module, state, source, resize_positions=resize)
        self.card = replace(
            self.card,
            licence="unknown",
            checkpoint=str(source),
            keys_used=loaded.used,
            keys_ignored=loaded.ignored,
            assumed=(*assumed, *loaded.assumed),
        )

    def _assume(self, origin: Origin | None, params: ClipParams, path: Path) -> tuple[str, ...]:
        made = (self._architecture, params, self._preprocessing)
        if origin is not None:
            require_agreement(origin, *made, path)
        return list_assumptions(origin, *made)

    def export_checkpoint(self, folder: Path) -> tuple[Path, ...]:
        """Write a folder that open_clip loads by ``local-dir:``; return the files written."""
        return write_folder(folder, self._architecture, self.module, self._preprocessing)


def make_clip(params: ClipParams, context: Context) -> Clip:
    """Build the model on the context's device, in its dtype.

    Raises RatevalError for an unknown architecture or tag, for weights that are absent, unreadable,
    unsafe or of another architecture, and for image towers whose attention cannot be recorded.
    """
    architecture = find_architecture(params)
    weights = locate_weights(params, locate_config(params.architecture))
    module = build_module(architecture, context.seed)
    tower = read_tower(cast(torch.nn.Module, module.visual), architecture.name)
    loaded, origin = Loaded(), None
    if weights is not None:
        read = read_weights(
            weights, module.state_dict(), prefix=params.prefix, weights=params.weights
        )
        loaded = load_weights(module, read.state, weights, resize_positions=params.resize_positions)
        loaded = replace(
            loaded,
            ignored=(*loaded.ignored, *read.left_out),
            assumed=(*loaded.assumed, *read.told),
        )
        # What belongs to a tag was looked at by its name.
        origin = None if names_tag(params) else find_origin(weights, read.state)
    module.to(device=context.device, dtype=getattr(torch, context.dtype))
    return Clip(architecture, module, tower, params, weights, loaded, origin)
