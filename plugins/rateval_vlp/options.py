"""Options of a Hugging Face BLIP's config.json, with type and bounds of each.

Defaults are those of transformers' BlipConfig. This module imports no torch.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from rateval.modelkit import ForeignDepth, ForeignPair, ForeignRows, ForeignSize, HuggingFaceTable

_Epsilon = Annotated[float, Field(gt=0, le=1)]
_Share = Annotated[float, Field(ge=0, lt=1)]
_Spread = Annotated[float, Field(ge=0, le=100)]
_Id = Annotated[int, Field(ge=0, le=10_000_000)]
_Name = Annotated[str, Field(max_length=100)]


class _TowerOptions(HuggingFaceTable):
    """Options that both towers have."""

    hidden_size: ForeignSize = 768
    intermediate_size: ForeignSize = 3072
    num_hidden_layers: ForeignDepth = 12
    num_attention_heads: ForeignSize = 12
    hidden_act: _Name = "gelu"
    layer_norm_eps: _Epsilon = 1e-5
    projection_dim: ForeignSize = 512
    dropout: _Share = 0.0
    attention_dropout: _Share = 0.0
    initializer_range: _Spread = 0.02
    initializer_factor: _Spread = 1.0


class TextOptions(_TowerOptions):
    """Options of ``text_config``."""

    num_attention_heads: ForeignSize = 8
    layer_norm_eps: _Epsilon = 1e-12
    projection_dim: ForeignSize = 768
    vocab_size: ForeignRows = 30524
    encoder_hidden_size: ForeignSize = 768
    max_position_embeddings: ForeignSize = 512
    hidden_dropout_prob: _Share = 0.0
    attention_probs_dropout_prob: _Share = 0.0
    bos_token_id: _Id | None = 30522
    eos_token_id: _Id | list[_Id] | None = 2
    pad_token_id: _Id | None = 0
    sep_token_id: _Id | None = 102
    is_decoder: bool = True
    tie_word_embeddings: bool = True
    label_smoothing: _Share = 0.0


class VisionOptions(_TowerOptions):
    """Options of ``vision_config``."""

    num_channels: Annotated[int, Field(ge=3, le=3)] = 3
    image_size: ForeignSize | ForeignPair = 384
    patch_size: ForeignSize | ForeignPair = 16
    initializer_range: _Spread = 1e-10


class ModelOptions(HuggingFaceTable):
    """Options of ``config.json``."""

    model_type: _Name
    text_config: TextOptions | None = None
    vision_config: VisionOptions | None = None
    projection_dim: ForeignSize = 512
    # The temperature is one over e to this.
    logit_scale_init_value: Annotated[float, Field(ge=-20, le=20)] = 2.6592
    image_text_hidden_size: ForeignSize = 256
    label_smoothing: _Share = 0.0
    tie_word_embeddings: bool = True
    initializer_range: _Spread = 0.02
    initializer_factor: _Spread = 1.0
    question_begins: Literal["[ENC]", "[CLS]"] | None = None
    """Of a config that rateval wrote."""
    inert: ClassVar[frozenset[str]] = (
        # Older ones hold the towers twice; those here are read.
        HuggingFaceTable.inert | {"text_config_dict", "vision_config_dict"}
    ) - {"model_type"}

    @property
    def text(self) -> TextOptions:
        """The text tower's options, all defaults where the file has none."""
        return self.text_config or TextOptions()

    @property
    def vision(self) -> VisionOptions:
        """The vision tower's options, all defaults where the file has none."""
        return self.vision_config or VisionOptions()
