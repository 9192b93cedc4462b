"""Say what is built: sizes, and the few facts in which ALBEF and BLIP differ."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError

from rateval.api import RatevalError
from rateval_vlp.params import BLIP_SIZES, AlbefParams, BlipParams, BlipSizeParams, SizeParams

INITIAL_TEMPERATURE = 0.07


@dataclass(frozen=True, slots=True)
class Architecture:
    """Hold what is needed to build a dual encoder besides its weights."""

    family: Literal["albef", "blip"]
    size: SizeParams
    text_length: int
    """Tokens of a prompt at most."""
    added_tokens: int = 0
    """Rows of the word embedding that the vocabulary file need not have."""
    vision_eps: float = 1e-6
    """Of the vision tower's layer norms."""
    text_eps: float = 1e-12
    """Of the text tower's layer norms."""
    temperature: float | None = None
    """What replaces the checkpoint's; None keeps that."""

    @property
    def name(self) -> str:
        """What messages and the model card call it."""
        size = self.size
        return (
            f"{self.family.upper()} (vision {size.depth} x {size.width}, patch {size.patch_size} "
            f"of {size.image_size} px; text {size.text_layers} x {size.text_width})"
        )


def albef_architecture(params: AlbefParams) -> Architecture:
    """Return ALBEF's facts at the sizes of ``params``."""
    return Architecture("albef", params.size, text_length=30)


def blip_architecture(params: BlipParams, config: Path | None) -> Architecture:
    """Return BLIP's facts; ``config`` is a Hugging Face folder's config.json.

    Raises RatevalError when the config is unreadable or describes another model.
    """
    # [DEC] and [ENC], which text mode never uses.
    added_tokens = 2
    if config is None:
        size = params.size or BLIP_SIZES["base"]
        return Architecture(
            "blip", size, 35, added_tokens=added_tokens, temperature=params.temperature
        )
    content = _read_config(config)
    vision, text = content["vision_config"], content["text_config"]
    temperature = params.temperature or _initial_temperature(content)
    return Architecture(
        "blip",
        params.size or _folder_size(content, config),
        35,
        added_tokens=added_tokens,
        vision_eps=float(vision.get("layer_norm_eps", 1e-5)),
        text_eps=float(text.get("layer_norm_eps", 1e-12)),
        temperature=temperature,
    )


def _initial_temperature(content: Mapping[str, Any]) -> float:
    import math

    scale = content.get("logit_scale_init_value")
    return INITIAL_TEMPERATURE if scale is None else math.exp(-float(scale))


def _read_config(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RatevalError(f"{path}: not a readable JSON config: {error}") from error
    if not isinstance(content, dict) or content.get("model_type") != "blip":
        found = content.get("model_type") if isinstance(content, dict) else type(content).__name__
        raise RatevalError(
            f"{path}: describes {found!r}, not 'blip'; give a folder of BlipForImageTextRetrieval"
        )
    for part in ("vision_config", "text_config"):
        if not isinstance(content.setdefault(part, {}), dict):
            raise RatevalError(f"{path}: {part} must be an object")
    return content


# Our name, where it stands in the config, and transformers' default, which configs may leave out.
_SIZES = {
    "image_size": ("vision_config", "image_size", 384),
    "patch_size": ("vision_config", "patch_size", 16),
    "width": ("vision_config", "hidden_size", 768),
    "depth": ("vision_config", "num_hidden_layers", 12),
    "heads": ("vision_config", "num_attention_heads", 12),
    "text_width": ("text_config", "hidden_size", 768),
    "text_layers": ("text_config", "num_hidden_layers", 12),
    "text_heads": ("text_config", "num_attention_heads", 8),
    "text_intermediate": ("text_config", "intermediate_size", 3072),
    "vocabulary_size": ("text_config", "vocab_size", 30524),
    "max_positions": ("text_config", "max_position_embeddings", 512),
}


def _folder_size(content: Mapping[str, Any], path: Path) -> BlipSizeParams:
    sizes = {name: content[part].get(key, other) for name, (part, key, other) in _SIZES.items()}
    sizes["embedding"] = content.get("image_text_hidden_size", 256)
    hidden = content["vision_config"].get("intermediate_size", 3072)
    for part in ("vision_config", "text_config"):
        activation = content[part].get("hidden_act", "gelu")
        if activation != "gelu":
            raise RatevalError(
                f"{path}: {part} has the activation {activation!r}; BLIP's is 'gelu', and no other "
                "is supported"
            )
    try:
        size = BlipSizeParams(**sizes)
    except ValidationError as error:
        details = "; ".join(f"{e['loc'][-1:]}: {e['msg']}" for e in error.errors())
        raise RatevalError(f"{path}: its sizes cannot be built: {details}") from error
    if hidden != 4 * size.width:
        raise RatevalError(
            f"{path}: the vision tower's intermediate_size is {hidden}; BLIP's is four times its "
            f"width ({4 * size.width}), and no other is supported"
        )
    return size
