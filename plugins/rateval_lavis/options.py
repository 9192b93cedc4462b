"""Options of LAVIS configs that reach LAVIS, with type and bounds of each.

This module imports no torch.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import ConfigDict, Field

from rateval.modelkit import (
    ForeignDepth,
    ForeignMean,
    ForeignRows,
    ForeignSize,
    ForeignStd,
    ForeignTable,
    HuggingFaceTable,
)

_Epsilon = Annotated[float, Field(gt=0, le=1)]
_Share = Annotated[float, Field(ge=0, lt=1)]
_Name = Annotated[str, Field(max_length=100)]


class ModelOptions(ForeignTable):
    """Options of the section ``model`` that are read; the others reach nothing."""

    model_config = ConfigDict(extra="ignore")

    arch: _Name
    vit_type: _Name = "base"
    vit_layer_norm_epsilon: _Epsilon | Literal[-1] = -1
    vit_drop_path_rate: _Share = 0.0
    image_size: ForeignSize = 384
    embed_dim: ForeignSize = 256
    max_txt_len: ForeignSize = 30
    med_config_path: Annotated[str, Field(max_length=4096)]


class TextOptions(HuggingFaceTable):
    """Options of the text tower's JSON file."""

    hidden_size: ForeignSize = 768
    intermediate_size: ForeignSize = 3072
    num_hidden_layers: ForeignDepth = 12
    num_attention_heads: ForeignSize = 12
    vocab_size: ForeignRows = 30522
    max_position_embeddings: ForeignSize = 512
    type_vocab_size: ForeignSize = 2
    encoder_width: ForeignSize = 768
    fusion_layer: ForeignDepth = 6
    hidden_act: Literal["gelu", "gelu_new", "relu", "silu", "swish"] = "gelu"
    position_embedding_type: Literal["absolute", "relative_key", "relative_key_query"] = "absolute"
    layer_norm_eps: _Epsilon = 1e-12
    hidden_dropout_prob: _Share = 0.0
    attention_probs_dropout_prob: _Share = 0.0
    classifier_dropout: _Share | None = None
    initializer_range: Annotated[float, Field(ge=0, le=100)] = 0.02
    pad_token_id: Annotated[int, Field(ge=0)] = 0
    add_type_embeddings: bool = False
    inert: ClassVar[frozenset[str]] = HuggingFaceTable.inert | {"fusion", "cls_token_id"}


class ProcessorOptions(ForeignTable):
    """Options of ``preprocess.vis_processor.eval``."""

    name: _Name = "blip_image_eval"
    image_size: ForeignSize = 384
    mean: ForeignMean | None = None
    std: ForeignStd | None = None
