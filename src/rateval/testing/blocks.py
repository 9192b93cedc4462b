"""What a model promises that gives the tokens of its blocks; it need not."""

from __future__ import annotations

from typing import Any

import torch

from rateval.api.protocols import Model
from rateval.testing.failure import difference, require, require_tensor

_TOLERANCE = 1e-5


def check_blocks(model: Model, images: torch.Tensor) -> None:
    """Check tokens of blocks for (B, 3, H, W) float32, and that they can be read again.

    A model without ``record_blocks`` and ``read_tokens`` passes. Raises ConformanceError at the
    first broken promise.
    """
    given = [hasattr(model, name) for name in ("record_blocks", "read_tokens")]
    require(given[0] == given[1], "Model", "have both of record_blocks and read_tokens", "one")
    if not given[0]:
        return
    blocks: Any = model
    layers = range(model.depth - (model.readout == "attention pool"))
    with torch.no_grad():
        plain = {name: getattr(model, name)(images) for name in ("encode_image", "features")}
    with blocks.record_blocks(layers) as recorded:
        model.encode_image(images)
    where = "Model.record_blocks"
    require(sorted(recorded) == [*layers], where, f"record {[*layers]}", sorted(recorded))
    count = model.prefix_tokens + model.grid[0] * model.grid[1]
    for attention, tokens in recorded.values():
        require_tensor(attention, (len(images), None, count, count), torch.float32, where, "4-d")
        require_tensor(tokens, (len(images), count, None), images.dtype, where, "(B, N, D)")
        (slope,) = torch.autograd.grad(
            tokens[:, -1].square().sum(), attention, retain_graph=True, allow_unused=True
        )
        flows = slope is not None and bool(slope.any())
        require(flows, where, "compute every token from the attention", "no gradient")
    tokens = recorded[layers[-1]][1].detach()
    where = "Model.read_tokens"
    for name, expected in plain.items():
        for images_given in (images, torch.zeros_like(images)):
            with torch.no_grad(), blocks.read_tokens(tokens):
                off = difference(getattr(model, name)(images_given), expected)
            asked = f"read {name} from the tokens, whatever the images"
            require(off <= _TOLERANCE, where, asked, f"a relative difference of {off:.1e}")
        with torch.no_grad():
            same = getattr(model, name)(images).equal(expected)
        require(same, where, "restore the model after the context", f"another {name}")
