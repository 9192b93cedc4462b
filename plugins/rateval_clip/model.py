"""CLIP as a rateval model: open_clip's own classes, unmodified."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import cast

import torch

from rateval.api import Context
from rateval.modelkit import (
    read_weights,
)
from rateval_clip.architecture import Architecture, build_module, find_architecture
from rateval_clip.card import make_card
from rateval_clip.checkpoint.agreement import list_assumptions, overrides, require_agreement
from rateval_clip.checkpoint.origin import Origin, find_origin
from rateval_clip.checkpoint.weights import Loaded, load_weights
from rateval_clip.encoder import Encoder
from rateval_clip.export import write_folder
from rateval_clip.files import locate_config, locate_weights
from rateval_clip.params import ClipParams, names_tag
from rateval_clip.preprocessing import make_geometry
from rateval_clip.tokens import Tokenizer, make_tokenizer
from rateval_clip.tower import Tower, read_tower


class Clip(Encoder):
    """An open_clip model from files as a ``rateval.api.Model``."""

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
        super().__init__(architecture.name, module, tower, params.prompt)
        self._architecture = architecture
        self._params = params
        settings = architecture.preprocessing | {"size": self.image_size} | overrides(params)
        self.geometry, self._preprocessing = make_geometry(settings)
        if weights is not None and not names_tag(params):
            assumed = self._assume(origin, params, weights)
            loaded = replace(loaded, assumed=(*assumed, *loaded.assumed))
        self.card = make_card(
            architecture, params, self.image_size, self._preprocessing, weights, loaded
        )

    @cached_property
    def tokenizer(self) -> Tokenizer:  # type: ignore[override]  # read on first use
        """What turns K strings into (K, T) int64 ids; read on first use."""
        text_config = self._architecture.config["text_cfg"]
        return make_tokenizer(text_config, self._architecture.folder, self.name)

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
