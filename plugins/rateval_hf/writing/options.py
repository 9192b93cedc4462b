"""Options of a writing model's config.json that have a use, with type and bounds of each.

This module imports no torch.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, get_args

from pydantic import Field

from rateval.api import RatevalError
from rateval.modelkit import (
    ForeignDepth,
    ForeignRows,
    ForeignSize,
    ForeignTable,
    HuggingFaceTable,
    check_table,
    list_some,
    read_json,
)

Kind = Literal["llava", "idefics3", "smolvlm", "qwen2_vl", "qwen2_5_vl"]
"""A config's ``model_type``."""

_Activation = Literal[
    "gelu", "gelu_fast", "gelu_new", "gelu_pytorch_tanh", "quick_gelu", "relu", "silu", "swish"
]  # fmt: skip
_Epsilon = Annotated[float, Field(gt=0, le=1)]
_Share = Annotated[float, Field(ge=0, lt=1)]
_Spread = Annotated[float, Field(ge=0, le=100)]
_Id = Annotated[int, Field(ge=0, le=10_000_000)]
_Length = Annotated[int, Field(ge=1, le=100_000_000)]
_Factor = Annotated[float, Field(gt=0, le=1e12)]
_Merge = Annotated[int, Field(ge=1, le=64)]
_WITH_TYPE = HuggingFaceTable.inert - {"model_type"}


class _Rope(ForeignTable):
    """How positions turn queries and keys."""

    rope_type: Literal["default", "linear", "dynamic", "yarn", "llama3", "mrope", "axial"] = (
        "default"
    )
    type: Literal["default", "linear", "dynamic", "yarn", "llama3", "mrope"] = "default"
    rope_theta: _Factor = 10000.0
    factor: _Factor | None = None
    low_freq_factor: _Factor | None = None
    high_freq_factor: _Factor | None = None
    beta_fast: _Factor | None = None
    beta_slow: _Factor | None = None
    attention_factor: _Factor | None = None
    partial_rotary_factor: Annotated[float, Field(gt=0, le=1)] | None = None
    original_max_position_embeddings: _Length | None = None
    mrope_section: list[ForeignSize] | None = None


class _Language(HuggingFaceTable):
    """Options of a language model, of the kinds of Llama, Mistral and Qwen2."""

    model_type: Literal["llama", "mistral", "qwen2", "qwen2_vl_text", "qwen2_5_vl_text"] = "llama"
    vocab_size: ForeignRows = 32000
    hidden_size: ForeignSize = 4096
    intermediate_size: ForeignRows = 11008
    num_hidden_layers: ForeignDepth = 32
    num_attention_heads: ForeignSize = 32
    num_key_value_heads: ForeignSize | None = None
    head_dim: ForeignSize | None = None
    hidden_act: _Activation = "silu"
    max_position_embeddings: _Length = 2048
    rms_norm_eps: _Epsilon = 1e-6
    initializer_range: _Spread = 0.02
    attention_bias: bool = False
    mlp_bias: bool = False
    attention_dropout: _Share = 0.0
    rope_theta: _Factor = 10000.0
    rope_scaling: _Rope | None = None
    rope_parameters: _Rope | None = None
    sliding_window: _Length | None = None
    use_sliding_window: bool = False
    max_window_layers: Annotated[int, Field(ge=0, le=1024)] | None = None
    layer_types: list[Literal["full_attention", "sliding_attention"]] | None = None
    bos_token_id: _Id | None = None
    eos_token_id: _Id | list[_Id] | None = None
    pad_token_id: Annotated[int, Field(ge=-1, le=10_000_000)] | None = None
    tie_word_embeddings: bool = False
    pretraining_tp: Annotated[int, Field(ge=1, le=1)] = 1
    # What SmolVLM's and Idefics3's authors wrote there, and transformers doesn't read.
    inert: ClassVar[frozenset[str]] = _WITH_TYPE | {
        "_flash_attn_2_enabled",
        "image_token_id",
        "is_llama_config",
        "neftune_noise_alpha",
        "perceiver_config",
        "pixel_shuffle_factor",
        "qk_layer_norms",
        "rope_interleaved",
        "use_resampler",
        "video_token_id",
        "vision_end_token_id",
        "vision_start_token_id",
        "vision_token_id",
    }


class _Tower(HuggingFaceTable):
    """Options of an image tower by CLIP's names, which SigLIP and Idefics3 have, too."""

    model_type: Literal[
        "clip_vision_model", "siglip_vision_model", "idefics3_vision", "smolvlm_vision",
        "idefics3", "smolvlm",
    ] = "clip_vision_model"  # fmt: skip
    hidden_size: ForeignSize = 1024
    intermediate_size: ForeignSize = 4096
    num_hidden_layers: ForeignDepth = 24
    num_attention_heads: ForeignSize = 16
    num_channels: Annotated[int, Field(ge=3, le=3)] = 3
    image_size: ForeignSize = 336
    patch_size: ForeignSize = 14
    projection_dim: ForeignSize = 768
    hidden_act: _Activation = "quick_gelu"
    layer_norm_eps: _Epsilon = 1e-5
    attention_dropout: _Share = 0.0
    initializer_range: _Spread = 0.02
    initializer_factor: _Spread = 1.0
    vision_use_head: bool = True
    inert: ClassVar[frozenset[str]] = _WITH_TYPE | {
        "max_image_size",
        "size",
        "tie_word_embeddings",
        "use_base_siglip",
        "vocab_size",
    }


class _QwenTower(HuggingFaceTable):
    """Options of the image tower of Qwen2-VL and Qwen2.5-VL."""

    model_type: Literal["qwen2_vl", "qwen2_vl_vision", "qwen2_5_vl", "qwen2_5_vl_vision"] = (
        "qwen2_vl_vision"
    )
    depth: ForeignDepth = 32
    embed_dim: ForeignSize = 1280
    hidden_size: ForeignSize = 3584
    out_hidden_size: ForeignSize = 3584
    intermediate_size: ForeignSize = 3420
    hidden_act: _Activation = "quick_gelu"
    mlp_ratio: _Merge = 4
    num_heads: ForeignSize = 16
    in_channels: Annotated[int, Field(ge=3, le=3)] = 3
    patch_size: ForeignSize = 14
    spatial_merge_size: _Merge = 2
    temporal_patch_size: _Merge = 2
    tokens_per_second: ForeignSize = 4
    window_size: ForeignSize = 112
    fullatt_block_indexes: list[Annotated[int, Field(ge=0, le=1024)]] | None = None
    initializer_range: _Spread = 0.02
    rope_parameters: _Rope | None = None
    inert: ClassVar[frozenset[str]] = _WITH_TYPE | {"in_chans", "spatial_patch_size"}


class LlavaOptions(HuggingFaceTable):
    """Options of a LLaVA."""

    text_config: _Language
    vision_config: _Tower
    image_token_index: _Id = 32000
    image_token_id: _Id = 32000
    image_seq_length: ForeignSize = 576
    projector_hidden_act: _Activation = "gelu"
    vision_feature_select_strategy: Literal["default", "full"] = "default"
    vision_feature_layer: int | list[int] = -2
    multimodal_projector_bias: bool = True
    tie_word_embeddings: bool = False
    inert: ClassVar[frozenset[str]] = HuggingFaceTable.inert | {
        "ignore_index",
        "pad_token_id",
        "vocab_size",
    }


class TilesOptions(HuggingFaceTable):
    """Options of an Idefics3 or a SmolVLM."""

    text_config: _Language
    vision_config: _Tower
    image_token_id: _Id = 128257
    scale_factor: _Merge = 2
    tie_word_embeddings: bool = False
    pad_token_id: _Id | None = None
    inert: ClassVar[frozenset[str]] = HuggingFaceTable.inert | {
        "_pad_token_id",
        "use_reentrant_checkpointing",
        "vocab_size",
    }


class QwenOptions(_Language):
    """Options of a Qwen2-VL or Qwen2.5-VL, whose older files hold those of its text beside it."""

    model_type: Any = None
    text_config: _Language | None = None
    vision_config: _QwenTower
    image_token_id: _Id = 151655
    video_token_id: _Id = 151656
    vision_start_token_id: _Id = 151652
    vision_end_token_id: _Id = 151653
    inert: ClassVar[frozenset[str]] = HuggingFaceTable.inert | {"vision_token_id"}


_TABLES: dict[Kind, type[ForeignTable]] = {
    "llava": LlavaOptions,
    "idefics3": TilesOptions,
    "smolvlm": TilesOptions,
    "qwen2_vl": QwenOptions,
    "qwen2_5_vl": QwenOptions,
}
_OWN_TOWERS = ("idefics3", "smolvlm", "qwen2_vl", "qwen2_5_vl")
"""Kinds whose image tower is named after them; older files name it by the whole model."""


def read_config(path: Path) -> tuple[Kind, dict[str, Any]]:
    """Return what kind of model a config.json describes, and which options transformers may see.

    Raises RatevalError for a config of another kind of model, and for options that may not be set
    or are out of their bounds.
    """
    content = read_json(path)
    kind = next((kind for kind in get_args(Kind) if kind == content.get("model_type")), None)
    if kind is None:
        raise RatevalError(
            f"{path}: model_type = {content.get('model_type')!r}: is of no family that vlm knows; "
            f"those are {list_some(get_args(Kind))}: give a folder of one of them"
        )
    if content.get("auto_map") is not None:
        check_table(ForeignTable, {"auto_map": content["auto_map"]}, str(path))
    options = check_table(_TABLES[kind], content, str(path)).options()
    if kind in _OWN_TOWERS:
        options["vision_config"] |= {"model_type": f"{kind}_vision"}
    return kind, options
