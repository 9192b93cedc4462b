"""Options of a folder's JSON files that have a use, with type and bounds of each.

This module imports no torch.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, get_args

from pydantic import Field

from rateval.api import RatevalError
from rateval.modelkit import (
    ForeignDepth,
    ForeignPair,
    ForeignRows,
    ForeignSize,
    ForeignTable,
    HuggingFaceTable,
    check_table,
    read_json,
    require_buildable,
)

CONFIG_NAME = "config.json"
Kind = Literal["clip", "siglip"]
"""A config's ``model_type``."""

_Activation = Literal[
    "gelu", "gelu_10", "gelu_fast", "gelu_new", "gelu_python", "gelu_pytorch_tanh", "quick_gelu",
    "relu", "silu", "swish",
]  # fmt: skip
_Epsilon = Annotated[float, Field(gt=0, le=1)]
_Share = Annotated[float, Field(ge=0, lt=1)]
_Spread = Annotated[float, Field(ge=0, le=100)]
_Id = Annotated[int, Field(ge=0, le=10_000_000)]


class _Tower(HuggingFaceTable):
    """Options that the towers of both families have."""

    hidden_size: ForeignSize = 768
    intermediate_size: ForeignSize = 3072
    num_hidden_layers: ForeignDepth = 12
    num_attention_heads: ForeignSize = 12
    hidden_act: _Activation = "quick_gelu"
    layer_norm_eps: _Epsilon = 1e-5
    attention_dropout: _Share = 0.0
    dropout: _Share = 0.0
    initializer_range: _Spread = 0.02
    initializer_factor: _Spread = 1.0
    projection_dim: ForeignSize = 512


class TextOptions(_Tower):
    """Options of ``text_config``."""

    vocab_size: ForeignRows = 49408
    max_position_embeddings: ForeignSize = 77
    projection_size: ForeignSize | None = None
    bos_token_id: _Id | None = None
    eos_token_id: _Id | list[_Id] | None = None
    pad_token_id: _Id | None = None
    sep_token_id: _Id | None = None


class VisionOptions(_Tower):
    """Options of ``vision_config``."""

    num_channels: Annotated[int, Field(ge=3, le=3)] = 3
    image_size: ForeignSize | ForeignPair = 224
    patch_size: ForeignSize | ForeignPair = 32
    vision_use_head: bool = True


class ModelOptions(HuggingFaceTable):
    """Options of ``config.json``."""

    model_type: str
    text_config: TextOptions | None = None
    vision_config: VisionOptions | None = None
    text_config_dict: TextOptions | None = None
    vision_config_dict: VisionOptions | None = None
    projection_dim: ForeignSize = 512
    hidden_size: ForeignSize | None = None
    logit_scale_init_value: Annotated[float, Field(ge=-100, le=100)] = 2.6592
    initializer_factor: _Spread = 1.0
    initializer_range: _Spread = 0.02
    inert: ClassVar[frozenset[str]] = HuggingFaceTable.inert - {"model_type"}


class ImageOptions(ForeignTable):
    """Options of an image processor."""

    do_resize: bool | None = None
    do_center_crop: bool | None = None
    do_rescale: bool | None = None
    do_normalize: bool | None = None
    size: ForeignSize | dict[str, ForeignSize] | None = None
    crop_size: ForeignSize | dict[str, ForeignSize] | None = None
    resample: int | None = None
    rescale_factor: Annotated[float, Field(gt=0)] | None = None
    image_mean: Any = None
    image_std: Any = None
    # What else transformers writes there; the steps here are those above alone.
    inert: ClassVar[frozenset[str]] = frozenset(
        [
            "_processor_class",
            "_valid_processor_keys",
            "crop_pct",
            "data_format",
            "default_to_square",
            "device",
            "disable_grouping",
            "do_convert_rgb",
            "do_pad",
            "feature_extractor_type",
            "image_processor_type",
            "image_seq_length",
            "input_data_format",
            "pad_size",
            "processor_class",
            "return_tensors",
        ]
    )


def read_config(path: Path) -> tuple[Kind, dict[str, Any]]:
    """Return what kind of model a config.json describes, and which options transformers may see.

    Raises RatevalError for a config of another kind of model, and for options that may not be set
    or are out of their bounds.
    """
    content = read_json(path)
    kind = next((kind for kind in get_args(Kind) if kind == content.get("model_type")), None)
    if kind is None:
        raise RatevalError(
            f"{path}: model_type is {content.get('model_type')!r}; hf-clip loads "
            f"{' and '.join(get_args(Kind))} only"
        )
    options = check_table(ModelOptions, content, str(path))
    _require_sane_size(options, str(path))
    return kind, options.options()


def _require_sane_size(options: ModelOptions, where: str) -> None:
    numbers = 0.0
    for text in (options.text_config, options.text_config_dict):
        if text is not None:
            positions = text.max_position_embeddings
            numbers += _of_layers(text) + (text.vocab_size + positions) * text.hidden_size
    for vision in (options.vision_config, options.vision_config_dict):
        if vision is not None:
            side, patch = vision.image_size, vision.patch_size
            if isinstance(side, int) and isinstance(patch, int):
                numbers += _of_layers(vision) + (side // patch) ** 2 * vision.hidden_size
    require_buildable(numbers, where)


def _of_layers(tower: _Tower) -> float:
    width = tower.hidden_size
    return float(tower.num_hidden_layers * width * (4 * width + 2 * tower.intermediate_size))
