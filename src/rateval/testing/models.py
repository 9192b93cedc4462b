"""What every model promises."""

from __future__ import annotations

from typing import get_args

import numpy as np
import torch
from PIL import Image

from rateval.api.protocols import Model
from rateval.api.values import ModelCard, Readout
from rateval.testing.attention import check_record_attention
from rateval.testing.blocks import check_blocks
from rateval.testing.checkpoints import check_checkpoints
from rateval.testing.failure import (
    describe,
    difference,
    part,
    require,
    require_members,
    require_tensor,
)
from rateval.testing.half_precision import check_half_precision

_SIZES = ((320, 160), (150, 300), (40, 30))  # width, height
_CLASSES = ("dog", "yellow taxi", "aircraft carrier on the open sea")


def check_model(model: Model) -> None:
    """Check card, sizes, preprocessing, embeddings, prompts, weights, attention and half precision.

    Weights must be float32. Raises ConformanceError at the first broken promise.
    """
    require_members(model, Model)
    with part("Model"):
        _check_facts(model)
    images = None
    with part("Model.preprocess"):
        images = _check_preprocess(model)
    with part("Model.card"):
        _check_card(model)
    if images is not None:
        _check_computing(model, images)


def _check_computing(model: Model, images: torch.Tensor) -> None:
    with part("Model.module"):
        weight = next(model.module.parameters())
        images = images.to(device=weight.device, dtype=weight.dtype)
    with torch.no_grad():
        with part("Model.encode_image"):
            _check_image_side(model, images)
        with part("Model.encode_text"):
            _check_text_side(model, int(model.encode_image(images).shape[1]))
        with part("Model.load_checkpoint"):
            check_checkpoints(model, images)
    with part("Model.record_attention"):
        check_record_attention(model, images)
    with part("Model.record_blocks"):
        check_blocks(model, images)
    with part("Model.encode_image, in bfloat16,"):
        check_half_precision(model, images)


def _check_facts(model: Model) -> None:
    grid = model.grid
    pair = isinstance(grid, tuple) and len(grid) == 2 and all(_is_count(side) for side in grid)
    require(pair, "Model.grid", "be (rows, cols), both at least 1", repr(grid))
    readouts = get_args(Readout)
    known = model.readout in readouts
    require(known, "Model.readout", f"be one of {', '.join(readouts)}", repr(model.readout))
    # A class token is a prefix token, a pool is a layer beside those whose tokens it pools.
    lowest = {
        "prefix_tokens": int(model.readout == "class token"),
        "depth": 1 + int(model.readout == "attention pool"),
    }
    for name, least in lowest.items():
        value = getattr(model, name)
        fits = type(value) is int and value >= least
        got = f"{value!r} with the readout {model.readout!r}"
        require(fits, f"Model.{name}", f"be an int of at least {least}", got)
    for name in ("module", "image_tower"):
        part = getattr(model, name)
        is_module = isinstance(part, torch.nn.Module)
        require(is_module, f"Model.{name}", "be a torch.nn.Module", type(part).__name__)
    whole = {id(weight) for weight in model.module.parameters()}
    inside = all(id(weight) in whole for weight in model.image_tower.parameters())
    require(inside, "Model.image_tower", "be a part of Model.module", "weights of its own")
    require(not model.module.training, "Model.module", "be in eval mode", "training mode")
    scale = model.logit_scale
    require_tensor(scale, (), torch.float32, "Model.logit_scale", "()")
    require(scale > 0, "Model.logit_scale", "be positive: already exponentiated", scale.item())


def _is_count(value: object) -> bool:
    return type(value) is int and value >= 1


def _check_card(model: Model) -> None:
    card, where = model.card, "ModelCard"
    is_card = isinstance(card, ModelCard)
    require(is_card, "Model.card", "be a ModelCard", type(card).__name__)
    for name in ("architecture", "head_feature", "licence", "source"):
        value = getattr(card, name)
        require(
            isinstance(value, str) and bool(value.strip()),
            f"{where}.{name}",
            "be text",
            repr(value),
        )
    least = _is_count(card.text_length)
    require(least, f"{where}.text_length", "be an int of at least 1", repr(card.text_length))
    grey = Image.new("RGB", (card.image_size[1], card.image_size[0]), (128, 64, 32))
    image = model.preprocess(grey)
    size = tuple(image.shape[1:])
    fits = tuple(card.image_size) == size
    require(fits, f"{where}.image_size", f"be what preprocess yields, {size}", card.image_size)
    mean, std = (torch.tensor(values)[:, None, None] for values in (card.mean, card.std))
    off = difference(image * std + mean, torch.tensor([128.0, 64, 32])[:, None, None] / 255)
    asked = "be what preprocess subtracts and divides by"
    require(off <= 1e-3, f"{where}.mean and std", asked, f"{card.mean} and {card.std}")
    for key in card.keys_ignored:
        require(isinstance(key, str), f"{where}.keys_ignored", "hold names of keys", repr(key))
    for sentence in card.assumed:
        require(isinstance(sentence, str), f"{where}.assumed", "hold sentences", repr(sentence))
    loaded = bool(card.checkpoint) == (card.keys_used > 0)
    asked = "count the tensors that were read from checkpoint"
    require(loaded, f"{where}.keys_used", asked, f"{card.keys_used} from {card.checkpoint!r}")


def _check_preprocess(model: Model) -> torch.Tensor:
    images = []
    for size in _SIZES:
        picture, mask = _bright_rectangle(*size)
        image = model.preprocess(picture)
        require_tensor(image, (3, None, None), torch.float32, "Model.preprocess", "(3, H, W)")
        shape = (image.shape[1], image.shape[2])
        fitted = model.preprocess_mask(mask)
        require_tensor(fitted, shape, torch.bool, "Model.preprocess_mask", "(H, W)")
        _check_geometry(image, fitted, size)
        images.append(image)
    shapes = {tuple(image.shape) for image in images}
    require(len(shapes) == 1, "Model.preprocess", "give every image one size", sorted(shapes))
    return torch.stack(images)


def _bright_rectangle(width: int, height: int) -> tuple[Image.Image, np.ndarray[tuple[int, int]]]:
    mask = np.zeros((height, width), dtype=np.bool_)
    mask[height // 3 : height * 7 // 10, width * 7 // 20 : width * 6 // 10] = True
    pixels = np.random.default_rng(width).integers(0, 40, (height, width, 3), dtype=np.uint8)
    pixels[mask] = 255
    return Image.fromarray(pixels), mask


def _check_geometry(image: torch.Tensor, mask: torch.Tensor, size: tuple[int, int]) -> None:
    brightness = image.mean(0)
    bright = brightness > (brightness.max() + brightness.min()) / 2
    overlap = (bright & mask).sum() / (bright | mask).sum().clamp(min=1)
    require(
        overlap >= 0.8,
        "Model.preprocess_mask",
        "follow the geometry of preprocess: resize, crop and flips alike",
        f"an overlap of {overlap:.2f} with a bright rectangle in a picture of {size} px",
    )


def _check_image_side(model: Model, images: torch.Tensor) -> None:
    count = len(images)
    for name in ("encode_image", "features"):
        where, run = f"Model.{name}", getattr(model, name)
        out = run(images)
        require_tensor(out, (count, None), torch.float32, where, "(B, D)")
        require(out.isfinite().all(), where, "be finite", "values that are not")
        require(run(images).equal(out), where, "be the same for the same images", "a difference")
        off = difference(run(images[1:2]), out[1:2])
        require(off <= 1e-4, where, "not depend on the batch", f"a difference of {off:.1e}")


def _check_text_side(model: Model, width: int) -> None:
    prompts = model.prompts(_CLASSES)
    require(
        isinstance(prompts, list)
        and len(prompts) == len(_CLASSES)
        and all(
            isinstance(of_class, list) and of_class and all(isinstance(p, str) for p in of_class)
            for of_class in prompts
        ),
        "Model.prompts",
        "be one list of at least one string for each class",
        repr(prompts),
    )
    flat = [of_class[0] for of_class in prompts]
    embedded, where = model.encode_text(flat), "Model.encode_text"
    meaning = "(K, D) with encode_image's D"
    require_tensor(embedded, (len(flat), width), torch.float32, where, meaning)
    require(embedded.isfinite().all(), where, "be finite", describe(embedded))
    off = difference(model.encode_text(flat[:1]), embedded[:1])
    require(off <= 1e-4, where, "not depend on the other prompts", f"a difference of {off:.1e}")
    distance = difference(embedded[1], embedded[0])
    require(distance > 1e-4, where, "tell different prompts apart", "equal embeddings")
