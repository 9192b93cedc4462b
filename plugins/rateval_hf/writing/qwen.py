"""Qwen2-VL and Qwen2.5-VL: several patches in a square become one token among the words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import nn

from rateval.api import RatevalError
from rateval_hf.preprocessing import Preprocessing
from rateval_hf.writing.family import Family, features_in, require_multiple
from rateval_hf.writing.params import VlmParams
from rateval_hf.writing.pictures import PatchOptions, make_steps, read_picture_options

_USUAL_SIDE = 448
_FEWEST, _MOST = 56 * 56, 28 * 28 * 1280
"""Pixels of an image by transformers' defaults."""


class Qwen(Family):
    """Images of a Qwen2-VL or Qwen2.5-VL.

    The tower runs the patches of one merged token after another, Qwen2.5-VL window by window. In
    its blocks with windows, attention to other windows is recorded as 0.
    """

    def __init__(self, config: Any, side: int, preprocessing: Preprocessing) -> None:
        """Take a config whose merged patches fill a square of ``side`` pixels."""
        vision = config.vision_config
        self.preprocessing = preprocessing
        self.side = side
        self._patch = vision.patch_size
        self._merge = vision.spatial_merge_size
        self._frames = vision.temporal_patch_size
        rows = side // self._patch
        self.grid = (rows, rows)
        merged = rows // self._merge
        window = getattr(vision, "window_size", None)
        order = torch.arange(merged * merged)
        if config.model_type == "qwen2_5_vl":
            order = by_window(merged, max(1, window // self._merge // self._patch))
        each = self._merge**2
        self.places = order.repeat_interleave(each)
        inside = torch.arange(each).repeat(len(order))
        row = self.places // merged * self._merge + inside // self._merge
        column = self.places % merged * self._merge + inside % self._merge
        self._cells = row * rows + column

    def vision(self, module: Any) -> list[nn.Module]:
        """Return the attention of each block, first block first."""
        return [block.attn for block in module.model.visual.blocks]

    def patches(self, images: torch.Tensor) -> torch.Tensor:
        """Turn (B, 3, H, W) into patches as the tower takes them, (B * N, numbers of a patch).

        Those of one merged token stand together, and a still image fills every frame.
        """
        count, (rows, columns) = len(images), self.grid
        merge, patch = self._merge, self._patch
        cut = images.reshape(
            count, 3, rows // merge, merge, patch, columns // merge, merge, patch
        ).permute(0, 2, 5, 3, 6, 1, 4, 7)
        frames = cut.unsqueeze(6).expand(*cut.shape[:6], self._frames, patch, patch)
        return frames.reshape(count * rows * columns, -1)

    def see(self, module: Any, images: torch.Tensor) -> torch.Tensor:
        """Turn (B, 3, H, W) into features of the image tokens (B, F, D)."""
        sizes = torch.tensor([[1, *self.grid]] * len(images), device=images.device)
        output = module.model.get_image_features(self.patches(images), sizes)
        features: torch.Tensor = features_in(output)
        return features.reshape(len(images), self.count, -1)

    def positions(self, mask: torch.Tensor, is_image: torch.Tensor) -> torch.Tensor:
        """Return (3, B, M) int64: time, row and column of a merged patch, else the word's number.

        Words after the image go on after its longer side.
        """
        merged = self.grid[0] // self._merge
        number = ((mask.cumsum(dim=1) - 1).clamp(min=0)).expand(3, -1, -1)
        seen = is_image.cumsum(dim=1)
        index = (seen - 1).clamp(min=0)
        start = (number[0] - seen + 1).clamp(min=0)
        inside = torch.stack([0 * index, index // merged, index % merged]) + start
        after = number - (self.count - merged)
        words = torch.where(seen == 0, number, after)
        return torch.where(is_image, inside, words).clamp(min=0)

    def put_on_grid(self, relevance: torch.Tensor) -> torch.Tensor:
        """Put relevance of the stream ``image`` (B, N) on the patches, (B, rows, cols)."""
        cells = self._cells.to(relevance.device).expand_as(relevance)
        flat = torch.zeros_like(relevance).scatter(1, cells, relevance)
        return flat.reshape(len(relevance), *self.grid)


def by_window(side: int, window: int) -> torch.Tensor:
    """Return the places of a square of tokens window by window, each row by row, (side²,) int64.

    >>> by_window(3, 2).tolist()
    [0, 1, 3, 4, 2, 5, 6, 7, 8]
    """
    places = torch.arange(side * side).view(side, side)
    starts = [(row, column) for row in range(0, side, window) for column in range(0, side, window)]
    parts = [places[row : row + window, column : column + window] for row, column in starts]
    return torch.cat([part.flatten() for part in parts])


def make_qwen(config: Any, params: VlmParams, folder: Path, path: Path) -> Qwen:
    """Make the images of a Qwen by the folder's image processor.

    Raises RatevalError for a size that its merged patches don't fill, and for one that its
    processor would change.
    """
    vision = config.vision_config
    if params.tiles:
        raise RatevalError("tiles = true: Qwen sees an image as a whole; raise image_size instead")
    unit = vision.patch_size * vision.spatial_merge_size
    options, where = read_picture_options(PatchOptions, folder)
    side = params.image_size or max(1, round(_USUAL_SIDE / unit)) * unit
    require_multiple(side, unit, path, "its merged patches")
    for name, own in (
        ("patch_size", vision.patch_size),
        ("merge_size", vision.spatial_merge_size),
        ("temporal_patch_size", vision.temporal_patch_size),
    ):
        given = getattr(options, name)
        if given not in (None, own):
            said = f"{name} = {given}: must be {own}, as in {path}"
            raise RatevalError(f"{where}: {said}; correct it")
    size = options.size or {}
    fewest = options.min_pixels or size.get("shortest_edge", _FEWEST)
    most = options.max_pixels or size.get("longest_edge", _MOST)
    if not fewest <= side * side <= most:
        raise RatevalError(
            f"image_size = {side}: makes {side * side} pixels, and {where} has at least {fewest} "
            f"and at most {most}; choose a size between"
        )
    return Qwen(config, side, make_steps(options, where, [side], "qwen2_vl"))
