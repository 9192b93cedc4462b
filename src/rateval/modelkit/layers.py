"""The choice of the vision layers to record."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from rateval.errors import RatevalError

Layer = TypeVar("Layer")


def choose_layers(name: str, layers: Sequence[Layer], chosen: Sequence[int]) -> dict[int, Layer]:
    """Return the ``chosen`` ones of a model's ``layers`` by their indices; 0 is the first.

    Raises RatevalError that names the model for a layer that is not there.

    >>> choose_layers("mine", ["first", "second"], [1])
    {1: 'second'}
    >>> choose_layers("mine", ["first", "second"], [2])
    Traceback (most recent call last):
    rateval.errors.RatevalError: mine: no vision layer 2; there are 2, from 0 on
    """
    absent = [index for index in chosen if not 0 <= index < len(layers)]
    if absent:
        raise RatevalError(
            f"{name}: no vision layer {absent[0]}; there are {len(layers)}, from 0 on"
        )
    return {index: layers[index] for index in chosen}
