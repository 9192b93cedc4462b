"""LLaVA: each patch of a CLIP or SigLIP becomes one token among the words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import nn

from rateval.api import RatevalError
from rateval.modelkit import read_json
from rateval_hf.preprocessing import Preprocessing, follow_settings
from rateval_hf.settings import locate_settings, parse_settings, settings_in
from rateval_hf.writing.family import Family, blocks_of, features_in
from rateval_hf.writing.params import VlmParams


class Llava(Family):
    """Images of a LLaVA; the class token, where there is one, is dropped or one more token."""

    def __init__(self, config: Any, preprocessing: Preprocessing, path: Path) -> None:
        """Take a LlavaConfig, read from ``path``.

        Raises RatevalError for a tower whose patches don't fit its images.
        """
        vision = config.vision_config
        self.preprocessing = preprocessing
        self.side = vision.image_size
        rows = vision.image_size // vision.patch_size
        self.grid = (rows, rows)
        self._prefix = 1 if vision.model_type.startswith("clip") else 0
        self._layer = config.vision_feature_layer
        self._strategy = config.vision_feature_select_strategy
        dropped = 1 if self._strategy == "default" else 0
        if dropped and not self._prefix:
            raise RatevalError(
                f'{path}: vision_feature_select_strategy = "default": drops a class token, and '
                f'{vision.model_type} has none, so that a patch would be lost; it must be "full"'
            )
        self.places = torch.arange(self._prefix + rows * rows) - dropped
        layers = [self._layer] if isinstance(self._layer, int) else list(self._layer)
        depth = vision.num_hidden_layers
        if any(not -depth - 1 <= layer <= depth for layer in layers) or not layers:
            raise RatevalError(
                f"{path}: vision_feature_layer = {self._layer}: the image tower has {depth} "
                f"layers; must lie in {-depth - 1} to {depth}: correct it"
            )
        self._used = max(layer % (depth + 1) for layer in layers)

    def vision(self, module: Any) -> list[nn.Module]:
        """Return the attention of the blocks up to the one whose tokens are taken."""
        blocks = blocks_of(module.model.vision_tower)
        return [block.self_attn for block in blocks[: self._used]]

    def see(self, module: Any, images: torch.Tensor) -> torch.Tensor:
        """Turn (B, 3, H, W) into features of the image tokens (B, F, D)."""
        output = module.model.get_image_features(
            pixel_values=images,
            vision_feature_layer=self._layer,
            vision_feature_select_strategy=self._strategy,
        )
        features: torch.Tensor = features_in(output)
        return features.reshape(len(images), self.count, -1)

    def put_on_grid(self, relevance: torch.Tensor) -> torch.Tensor:
        """Put relevance of the stream ``image`` (B, N) on the patches, (B, rows, cols)."""
        return relevance[:, self._prefix :].reshape(len(relevance), *self.grid)


def make_llava(config: Any, params: VlmParams, folder: Path, path: Path) -> Llava:
    """Make the images of a LLaVA by the folder's image processor.

    Raises RatevalError for another size than the image tower's, and for steps that aren't known.
    """
    side = config.vision_config.image_size
    if params.tiles:
        raise RatevalError("tiles = true: LLaVA sees an image as a whole; leave it out")
    if params.image_size not in (None, side):
        raise RatevalError(
            f"image_size = {params.image_size}: must be {side}, which the image tower of "
            f"{path} was trained with; leave it out"
        )
    settings = locate_settings(folder)
    content = read_json(settings)
    if settings_in(content).get("do_pad"):
        raise RatevalError(
            f"{settings}: do_pad = true: images padded to squares are not supported; set it to "
            "false, by which they are cropped"
        )
    default = "clip" if config.vision_config.model_type.startswith("clip") else "siglip"
    return Llava(config, follow_settings(parse_settings(content, settings, default), side), path)
