"""Options of an open_clip config that reach open_clip, with type and bounds of each.

This module imports no torch.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from rateval.api import RatevalError
from rateval.modelkit import (
    ForeignDepth,
    ForeignMean,
    ForeignPair,
    ForeignRows,
    ForeignSize,
    ForeignStd,
    ForeignTable,
    check_table,
    read_json,
    require_buildable,
)
from rateval_clip.params import CONFIG_KEYS

_Share = Annotated[float, Field(ge=0, lt=1)]
_Ratio = Annotated[float, Field(gt=0, le=64)]
_Scale = Annotated[float, Field(gt=0, le=100)]
_Logit = Annotated[float, Field(ge=-1000, le=1000)]
# A folder on this machine or a name on the hub, of which the cache alone is asked.
_TokenizerName = Annotated[str, Field(max_length=1024, pattern=r"^[^:\x00]*$")]


class ActivationOptions(ForeignTable):
    """Options of an activation that reach open_clip."""

    approximate: Literal["none", "tanh"] = "none"


class NormOptions(ForeignTable):
    """Options of a layer norm that reach open_clip."""

    eps: Annotated[float, Field(gt=0, le=1)] = 1e-5
    elementwise_affine: bool = True
    bias: bool = True


class _TowerOptions(ForeignTable):
    """Options that both towers have."""

    mlp_ratio: _Ratio = 4.0
    ls_init_value: _Scale | None = None
    final_ln_after_pool: bool = False
    output_tokens: bool = False
    act_kwargs: ActivationOptions | None = None
    norm_kwargs: NormOptions | None = None
    block_type: Literal["default", "custom"] | None = None
    qk_norm: bool = False
    scaled_cosine_attn: bool = False
    scale_heads: bool = False
    scale_attn_inner: bool = False
    scale_attn: bool = False
    scale_fc: bool = False


class VisionOptions(_TowerOptions):
    """Options of ``vision_cfg``."""

    layers: ForeignDepth = 12
    width: ForeignSize = 768
    head_width: ForeignSize = 64
    patch_size: ForeignSize | None = 16
    image_size: ForeignSize | ForeignPair = 224
    patch_dropout: _Share = 0.0
    attentional_pool: bool | Literal["parallel", "cascade"] = False
    attn_pooler_queries: ForeignSize = 256
    attn_pooler_heads: ForeignSize = 8
    no_ln_pre: bool = False
    pos_embed_type: Literal["learnable", "sin_cos_2d"] = "learnable"
    pool_type: Literal["tok", "avg", "none"] = "tok"
    # No scheme and no path: timm would look on the hub, or in a folder with code's names.
    timm_model_name: Annotated[str, Field(pattern=r"^[a-z0-9_]+(\.[a-z0-9_]+)?$")] | None = None
    timm_model_pretrained: bool = False
    timm_pool: Literal["", "avg", "avgmax", "max", "token", "map", "abs_attn", "rot_attn"] = "avg"
    timm_proj: Literal["", "linear", "mlp", "none"] | None = "linear"
    timm_proj_bias: bool = False
    timm_drop: _Share = 0.0
    timm_drop_path: _Share | None = None


class TokenizerOptions(ForeignTable):
    """Options of ``tokenizer_kwargs``."""

    clean: Literal["whitespace", "lower", "canonicalize"] = "whitespace"
    strip_sep_token: bool = False
    language: Annotated[str, Field(pattern=r"^[A-Za-z_]{2,20}$")] | None = None


class TextOptions(_TowerOptions):
    """Options of ``text_cfg``."""

    context_length: ForeignSize = 77
    vocab_size: ForeignRows = 49408
    hf_tokenizer_name: _TokenizerName | None = None
    tokenizer_mode: Literal["", "clips"] | None = None
    tokenizer_kwargs: TokenizerOptions | None = None
    width: ForeignSize = 512
    heads: ForeignSize = 8
    layers: ForeignDepth = 12
    embed_cls: bool = False
    pad_id: Annotated[int, Field(ge=0)] = 0
    eos_id: Annotated[int, Field(ge=0)] = 2
    no_causal_mask: bool = False
    pool_type: Literal["first", "last", "argmax", "eos", "none"] = "argmax"
    proj_bias: bool = False
    proj_type: Literal["linear", "none"] = "linear"


class ModelOptions(ForeignTable):
    """Options of ``model_cfg``."""

    embed_dim: ForeignSize
    vision_cfg: VisionOptions
    text_cfg: TextOptions
    quick_gelu: bool = False
    custom_text: bool = False
    init_logit_scale: _Logit = 2.6592
    init_logit_bias: _Logit | None = None
    nonscalar_logit_scale: bool = False


class PreprocessOptions(ForeignTable):
    """Options of ``preprocess_cfg``."""

    size: ForeignSize | ForeignPair | None = None
    mode: Literal["RGB"] = "RGB"
    mean: ForeignMean | None = None
    std: ForeignStd | None = None
    interpolation: Literal["bicubic", "bilinear", "random"] | None = None
    resize_mode: Literal["shortest", "longest", "squash"] | None = None
    fill_color: Annotated[int, Field(ge=0, le=255)] = 0


class _Preprocessing(ForeignTable):
    """The part of a config that says how an image is prepared."""

    preprocess_cfg: PreprocessOptions


def read_config(path: Path) -> tuple[Any, dict[str, Any]]:
    """Return ``model_cfg`` of a config file as it is, and its ``preprocess_cfg``, checked.

    Raises RatevalError for an unreadable file, and for a preprocessing that may not be set.
    """
    content = read_json(path)
    given = {"preprocess_cfg": content.get("preprocess_cfg", {})}
    checked = check_table(_Preprocessing, given, f"{path}")
    return content.get("model_cfg", content), checked.preprocess_cfg.options()


def check_options(config: Any, where: str) -> ModelOptions:
    """Return the ``model_cfg`` that comes from ``where`` as a table.

    Raises RatevalError for options that may not be set or are out of their bounds, and for towers
    that cannot be used.
    """
    if not isinstance(config, dict):
        raise RatevalError(f"{where}: model_cfg must be a table, not {type(config).__name__}")
    absent = [key for key in CONFIG_KEYS if key not in config]
    if absent:
        raise RatevalError(f"{where}: not an open_clip config; it lacks {', '.join(absent)}")
    _refuse_other_towers(config, where)
    options = check_table(ModelOptions, config, where)
    _require_sane_size(options, where)
    return options


def _refuse_other_towers(config: dict[str, Any], where: str) -> None:
    if "multimodal_cfg" in config:
        raise RatevalError(
            f"{where}: a CoCa, which pools tokens by many queries, so that its attention cannot be "
            'followed to the embedding; give a CLIP, such as "ViT-B-32"'
        )
    vision, text = config["vision_cfg"], config["text_cfg"]
    if isinstance(vision, dict) and isinstance(vision.get("layers"), list | tuple):
        raise RatevalError(
            f"{where}: its image tower is a ResNet, which has no self-attention to explain; give a "
            'vision transformer, such as "ViT-B-32"'
        )
    if isinstance(text, dict) and text.get("hf_model_name"):
        raise RatevalError(
            f"{where}: its text tower is transformers' {text['hf_model_name']}, which cannot be "
            "used in this version; give an architecture with open_clip's own text tower, such as "
            '"ViT-B-32"'
        )


def _require_sane_size(options: ModelOptions, where: str) -> None:
    vision, text = options.vision_cfg, options.text_cfg
    size = vision.image_size
    height, width = (size, size) if isinstance(size, int) else size
    patch = vision.patch_size or 1
    numbers = _of_layers(vision.width, vision.layers, vision.mlp_ratio)
    if vision.timm_model_name is None:
        numbers += height // patch * (width // patch) * vision.width
    else:
        # timm's sizes go by its own names; what remains is the image's.
        numbers = height * width
    numbers += _of_layers(text.width, text.layers, text.mlp_ratio)
    numbers += (text.vocab_size + text.context_length) * text.width
    # The causal mask, which is one number for each pair of positions.
    require_buildable(numbers + text.context_length**2, where)


def _of_layers(width: int, layers: int, mlp_ratio: float) -> float:
    return layers * width**2 * (4 + 2 * mlp_ratio)
