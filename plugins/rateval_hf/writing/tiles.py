"""Idefics3 and SmolVLM: an image as a whole, and cut into tiles, each seen for itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import nn

from rateval.api import RatevalError
from rateval.modelkit import read_json
from rateval_hf.preprocessing import Preprocessing
from rateval_hf.writing.family import Family, blocks_of, require_multiple
from rateval_hf.writing.params import VlmParams
from rateval_hf.writing.pictures import TileOptions, filter_of, make_steps, read_picture_options

_USUAL_TILE, _USUAL_SIDE = 364, 4 * 364
_AROUND, _GLOBAL = "<fake_token_around_image>", "<global-img>"


class Tiles(Family):
    """Images of an Idefics3 or a SmolVLM.

    Their tiles stand one after another in the stream, row by row, the whole image behind them.
    Each is seen for itself, so that attention to other tiles is recorded as 0. The grid's patches
    are those of the tiles; what the patches of the whole image hold is shared equally among the
    patches that they cover.
    """

    def __init__(
        self, config: Any, tile: int, number: int, preprocessing: Preprocessing, resample: int
    ) -> None:
        """Cut an image into ``number`` rows and columns of ``tile`` pixels; 1 cuts nothing."""
        self.preprocessing = preprocessing
        self.side = tile * number
        self._number = number
        self._rows = tile // config.vision_config.patch_size
        self.grid = (number * self._rows, number * self._rows)
        factor = config.scale_factor
        merged = self._rows // factor
        place = torch.arange(self._rows) // factor
        one = (place[:, None] * merged + place[None, :]).flatten()
        self._each = merged * merged
        shifts = self._each * torch.arange(1 if number == 1 else number * number + 1)
        self.places = (shifts[:, None] + one[None, :]).flatten()
        self._weights = resizing(self.side, tile, resample) if number > 1 else None
        bounds = torch.tensor([preprocessing.mean, preprocessing.std])
        self._least = ((0 - bounds[0]) / bounds[1]).view(3, 1, 1)
        self._most = ((1 - bounds[0]) / bounds[1]).view(3, 1, 1)

    def vision(self, module: Any) -> list[nn.Module]:
        """Return the attention of each block, first block first."""
        return [block.self_attn for block in blocks_of(module.model.vision_model)]

    def language(self, module: Any) -> Any:
        """Return the language model, without the head that scores words."""
        return module.model.text_model

    def cut(self, images: torch.Tensor) -> torch.Tensor:
        """Turn (B, 3, H, W) into tiles and, behind them, the whole image, (B, T, 3, h, w)."""
        number, count = self._number, len(images)
        if self._weights is None:
            return images[:, None]
        tile = self.side // number
        parts = images.reshape(count, 3, number, tile, number, tile).permute(0, 2, 4, 1, 3, 5)
        tiles = parts.reshape(count, number * number, 3, tile, tile)
        return torch.cat([tiles, self._shrink(images)[:, None]], dim=1)

    def _shrink(self, images: torch.Tensor) -> torch.Tensor:
        """Resize as PIL does, first the rows, with what lies beyond black and white cut off."""
        assert self._weights is not None
        weights = self._weights.to(images)
        least, most = self._least.to(images), self._most.to(images)
        narrow = (images @ weights).maximum(least).minimum(most)
        return (weights.T @ narrow).maximum(least).minimum(most)

    def see(self, module: Any, images: torch.Tensor) -> torch.Tensor:
        """Turn (B, 3, H, W) into features of the image tokens (B, F, D)."""
        # Not by get_image_features, which takes a tile of zeros, an even grey, for no tile at all.
        tiles = self.cut(images).flatten(0, 1)
        mask = torch.ones(
            len(tiles), self._rows, self._rows, dtype=torch.bool, device=images.device
        )
        seen = module.model.vision_model(pixel_values=tiles, patch_attention_mask=mask)
        features: torch.Tensor = module.model.connector(seen.last_hidden_state)
        return features.reshape(len(images), self.count, -1)

    def expand(self, word: str) -> str:
        """Return what stands for the one ``word`` that a template writes for an image."""
        own = word * self._each
        whole = f"{_AROUND}{_GLOBAL}{own}{_AROUND}"
        if self._number == 1:
            return whole
        numbers = range(1, self._number + 1)
        rows = (
            "".join(f"{_AROUND}<row_{row}_col_{column}>{own}" for column in numbers) + "\n"
            for row in numbers
        )
        return f"{''.join(rows)}\n{whole}"

    def put_on_grid(self, relevance: torch.Tensor) -> torch.Tensor:
        """Put relevance of the stream ``image`` (B, N) on the patches, (B, rows, cols)."""
        count, number, rows = len(relevance), self._number, self._rows
        each = rows * rows
        whole = relevance[:, -each:].reshape(count, rows, rows)
        if number == 1:
            return whole
        tiles = relevance[:, :-each].reshape(count, number, number, rows, rows)
        fine = tiles.permute(0, 1, 3, 2, 4).reshape(count, *self.grid)
        spread = whole.repeat_interleave(number, dim=1).repeat_interleave(number, dim=2)
        return fine + spread / number**2


def resizing(before: int, after: int, resample: int) -> torch.Tensor:
    """Return the matrix by which PIL resizes ``before`` pixels in a row, (before, after) float32.

    >>> resizing(4, 2, 0).tolist()
    [[0.0, 0.0], [1.0, 0.0], [0.0, 0.0], [0.0, 1.0]]
    """
    unit = Image.fromarray(np.eye(before, dtype=np.float32))
    return torch.from_numpy(np.array(unit.resize((after, before), Image.Resampling(resample))))


def make_tiles(config: Any, params: VlmParams, folder: Path, path: Path) -> Tiles:
    """Make the images of an Idefics3 or a SmolVLM by the folder's image processor.

    Raises RatevalError for a size that its tiles don't fill, for tiles that its image tower was not
    trained with, and for a processor that writes another number of image tokens.
    """
    options, where = read_picture_options(TileOptions, folder)
    tile = (options.max_image_size or {}).get("longest_edge", _USUAL_TILE)
    long = (options.size or {}).get("longest_edge", _USUAL_SIDE)
    vision = config.vision_config
    if tile != vision.image_size:
        raise RatevalError(
            f"{where}: max_image_size = {tile}: must be {vision.image_size}, the image_size of the "
            f"tower in {path}; correct it"
        )
    require_multiple(tile, vision.patch_size * config.scale_factor, path, "its merged patches")
    _require_same_count(folder, (tile // vision.patch_size // config.scale_factor) ** 2)
    number = 1
    sides = [long, tile]
    if params.tiles:
        side = params.image_size or -(-long // tile) * tile
        require_multiple(side, tile, where, "its tiles")
        number = side // tile
        sides = [long, side] if params.image_size is None and side != long else [side]
        if number == 1:
            raise RatevalError(
                f"image_size = {side}: is one tile, and nothing is cut; give a multiple of {tile}, "
                "or leave tiles out"
            )
    elif params.image_size not in (None, tile):
        raise RatevalError(
            f"image_size = {params.image_size}: must be {tile}, which the image tower of {path} "
            "was trained with; leave it out, or set tiles = true for a multiple of it"
        )
    resample = filter_of(options, "idefics3")
    return Tiles(config, tile, number, make_steps(options, where, sides, "idefics3"), resample)


def _require_same_count(folder: Path, count: int) -> None:
    path = folder / "processor_config.json"
    said = read_json(path).get("image_seq_len") if path.is_file() else None
    if said not in (None, count):
        raise RatevalError(
            f"{path}: image_seq_len = {said}: but the model makes {count} tokens of an image by "
            "its config.json; correct the one that is wrong"
        )
