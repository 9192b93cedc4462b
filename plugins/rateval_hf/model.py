"""CLIP and SigLIP as rateval models: transformers' own classes, unmodified."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path

import torch

from rateval.api import Context, ModelCard
from rateval_hf.encoder import Encoder, name_architecture
from rateval_hf.export import write_folder
from rateval_hf.files import folder_of
from rateval_hf.params import HfClipParams
from rateval_hf.preprocessing import Preprocessing, make_preprocessing
from rateval_hf.tokens import Tokens, read_tokenizer
from rateval_hf.weights import Loaded, load, load_weights


class HfClip(Encoder):
    """A CLIPModel or SiglipModel from a folder as a ``rateval.api.Model``."""

    def __init__(self, loaded: Loaded, preprocessing: Preprocessing, params: HfClipParams) -> None:
        """Wrap what was loaded from a folder.

        Raises RatevalError when the image tower's attention cannot be recorded.
        """
        name = folder_of(params).name
        super().__init__(name, loaded.module, preprocessing.geometry, params.prompt)
        self.image_tower.eval()
        self._preprocessing = preprocessing
        self._folder = folder_of(params)
        self.card = _card(loaded, preprocessing)

    @cached_property
    def tokenizer(self) -> Tokens:  # type: ignore[override]  # read on first use
        """What turns K strings into (K, T) int64 ids; read on first use."""
        length, size = self.card.text_length, self._text_config.vocab_size
        return Tokens(read_tokenizer(self._folder), length, size, self._folder)

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
        architecture=name_architecture(loaded.module),
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
