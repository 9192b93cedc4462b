"""Params of the attributions."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from rateval.api import Params


class GenericAttentionParams(Params):
    """Set which layers are explained, for which class, and which score of it."""

    layers: (
        Literal["all", "last"]
        | Annotated[int, Field(ge=1)]
        | Annotated[tuple[Annotated[int, Field(ge=0)], ...], Field(min_length=1)]
    ) = "all"
    """Vision layers in the chain: "all", "last", a number N >= 1 for the last N, or a list of
    different indices >= 0 (0 is the first layer). A model's attention pool is its last layer, which
    the chain cannot do without."""
    target: Literal["label", "prediction"] = "label"
    """The class that is explained: each image's label, or the class the model predicts."""
    score: Literal["raw", "margin"] = "raw"
    """The number that is differentiated: the target's logit ("raw", as published), or that logit
    minus the mean over all classes ("margin"), which drops what all classes share."""

    @field_validator("layers", mode="before")
    @classmethod
    def _check_layers(cls, value: Any) -> Any:
        if value in ("all", "last") or (_is_index(value) and value >= 1):
            return value
        if isinstance(value, list | tuple) and value:
            indices = tuple(value)
            whole = all(_is_index(index) and index >= 0 for index in indices)
            if whole and len(set(indices)) == len(indices):
                return indices
        raise ValueError(
            f'{value!r} names no layers; give "all", "last", a whole number N >= 1 for the last N '
            "layers, or a list of different indices >= 0, such as [0, 11]"
        )


def _is_index(value: object) -> bool:
    """Tell whether ``value`` is a whole number; True and False, which Python counts, are not."""
    return isinstance(value, int) and not isinstance(value, bool)
