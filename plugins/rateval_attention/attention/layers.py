"""From the parameter ``layers`` to the layers of a model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from rateval.api import Model, RatevalError


def layer_indices(
    layers: Literal["all", "last"] | int | Sequence[int], depth: int
) -> tuple[int, ...]:
    """Turn the parameter ``layers`` into ascending indices of a model with ``depth`` layers.

    Raises RatevalError when the model has no such layer.

    >>> layer_indices("all", 3), layer_indices("last", 3), layer_indices(2, 3)
    ((0, 1, 2), (2,), (1, 2))
    >>> layer_indices([2, 0], 3)
    (0, 2)
    """
    if layers == "all":
        return tuple(range(depth))
    if layers == "last":
        return (depth - 1,)
    if isinstance(layers, int):
        if layers > depth:
            raise RatevalError(
                f"layers = {layers}: the model has {depth} vision layers; "
                f'give a number up to {depth}, or "all"'
            )
        return tuple(range(depth - layers, depth))
    absent = sorted(index for index in layers if not 0 <= int(index) < depth)
    if absent:
        raise RatevalError(
            f"layers = {list(layers)}: the model has {depth} vision layers, so there is no layer "
            f"{', '.join(map(str, absent))}; give indices from 0 to {depth - 1}"
        )
    return tuple(sorted(int(index) for index in layers))


def chain_indices(
    layers: Literal["all", "last"] | int | Sequence[int], model: Model
) -> tuple[int, ...]:
    """Choose layers as ``layer_indices`` does, for a chain that starts at the embedding.

    Raises RatevalError for layers that the model doesn't have, or that leave out its attention
    pool.
    """
    chosen = layer_indices(layers, model.depth)
    if model.readout == "attention pool" and model.depth - 1 not in chosen:
        raise RatevalError(
            f"layers = {list(chosen)}: this model reads its embedding by an attention pool, layer "
            f"{model.depth - 1}, without which no relevance reaches the patches; add that layer"
        )
    return chosen


def last_layer(model: Model) -> tuple[int, ...]:
    """Choose the last layer alone."""
    return (model.depth - 1,)
