"""What names and shapes of weights tell of a CLIP. No torch, no open_clip."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from rateval.modelkit import plain_names

if TYPE_CHECKING:
    import torch

_FIRST = ("attnpool.positional_embedding", "conv1.weight", "trunk.patch_embed.proj.weight")
"""What every image tower of a kind has: ResNets, with a conv1, too; open_clip's own; timm's."""
_TOWER = {
    *("class_embedding", "positional_embedding", "proj", "conv1", "ln_pre", "transformer"),
    *("ln_post", "attn_pool", "trunk", "head"),
}
_TEXT = ("token_embedding.weight", "text.token_embedding.weight")
_WHOLE = {
    *("visual", "text", "transformer", "token_embedding", "positional_embedding", "ln_final"),
    *("text_projection", "logit_scale", "logit_bias", "attn_mask"),
    *("input_resolution", "context_length", "vocab_size"),
}


@dataclass(frozen=True, slots=True)
class Size:
    """Sizes of a CLIP; those of the text tower are None where there is none."""

    width: int
    layers: int
    hidden: int
    """Of an image layer's feed-forward part."""
    patch: int
    image: int
    """Height and width of an image in pixels."""
    embedding: int
    normed: bool
    """Whether there is a layer norm before the first layer."""
    text_width: int | None = None
    text_layers: int | None = None
    vocabulary: int | None = None
    context: int | None = None

    def fits(self, other: Size) -> bool:
        """Return whether both are of one model, as far as this one has a text tower."""
        return all(getattr(self, name) in (None, getattr(other, name)) for name in self.__slots__)

    def __str__(self) -> str:
        text = f", text {self.text_layers} × {self.text_width}" if self.text_layers else ""
        return (
            f"image tower {self.layers} × {self.width}, patches of {self.patch} of {self.image} "
            f"pixels{text}"
        )


@dataclass(frozen=True, slots=True)
class Told:
    """What a state dict is of."""

    kind: Literal["whole", "tower", "adapter", "resnet"]
    weights: Mapping[str, torch.Tensor]
    """By the names of a whole CLIP of open_clip's."""
    size: Size | None
    """None where shapes alone don't say it, as of timm's towers."""
    beside: tuple[str, ...]
    """What is none of them, such as a head."""


def tell(weights: Mapping[str, torch.Tensor]) -> Told | None:
    """Return what CLIP a state dict is of, or None."""
    if any(".lora_" in name for name in weights):
        ours = any("resblocks." in name or ".trunk." in name for name in weights)
        return Told("adapter", weights, None, ()) if ours else None
    for first in _FIRST:
        for before, names in plain_names(weights, f"visual.{first}").items():
            whole = {name: weights[key] for name, key in names.items()}
            return _tell_whole(weights, before, names, whole, first)
    for names in plain_names(weights, "conv1.weight").values():
        tower = {
            f"visual.{name}": weights[key]
            for name, key in names.items()
            if name.partition(".")[0] in _TOWER - {"head"}
        }
        if "visual.class_embedding" in tower and "visual.proj" in tower:
            taken = {key for name, key in names.items() if f"visual.{name}" in tower}
            rest = tuple(key for key in weights if key not in taken)
            return Told("tower", tower, _size(tower), rest)
    return None


def _tell_whole(
    weights: Mapping[str, Any],
    before: str,
    names: Mapping[str, str],
    whole: dict[str, Any],
    first: str,
) -> Told:
    ours = {name: tensor for name, tensor in whole.items() if name.partition(".")[0] in _WHOLE}
    taken = {names[name] for name in ours}
    beside = tuple(key for key in weights if key not in taken)
    if first == _FIRST[0]:
        return Told("resnet", ours, None, beside)
    kind: Literal["whole", "tower"] = "whole" if any(n in ours for n in _TEXT) else "tower"
    return Told(kind, ours, _size(ours) if first == _FIRST[1] else None, beside)


def _size(weights: Mapping[str, torch.Tensor]) -> Size | None:
    """Return the sizes of open_clip's own towers; None where something else is in their place."""
    conv, positions = weights["visual.conv1.weight"], weights.get("visual.positional_embedding")
    projection = weights.get("visual.proj")
    hidden = weights.get("visual.transformer.resblocks.0.mlp.c_fc.weight")
    if positions is None or projection is None or hidden is None or conv.ndim != 4:
        return None
    side = math.isqrt(max(len(positions) - 1, 0))
    text: dict[str, int] = {}
    for lead in ("", "text."):
        words = weights.get(f"{lead}token_embedding.weight")
        places = weights.get(f"{lead}positional_embedding")
        if words is not None and places is not None:
            text = {
                "text_width": words.shape[1],
                "text_layers": _layers(weights, f"{lead}transformer.resblocks."),
                "vocabulary": words.shape[0],
                "context": places.shape[0],
            }
    return Size(
        width=conv.shape[0],
        layers=_layers(weights, "visual.transformer.resblocks."),
        hidden=hidden.shape[0],
        patch=conv.shape[-1],
        image=side * conv.shape[-1],
        embedding=projection.shape[1],
        normed="visual.ln_pre.weight" in weights,
        **text,
    )


def _layers(weights: Mapping[str, Any], before: str) -> int:
    found = {name[len(before) :].partition(".")[0] for name in weights if name.startswith(before)}
    return len(found)
