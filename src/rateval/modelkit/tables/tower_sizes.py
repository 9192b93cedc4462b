"""The table of sizes of a model with a ViT for images and a BERT for text."""

from __future__ import annotations

from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from rateval.api.params import Params

_Size = Annotated[int, Field(ge=1, le=65536)]


class TowerSizeParams(Params):
    """The sizes of both towers; the defaults are those of ViT-B/16 and BERT base.

    A model whose own differ overrides their defaults.
    """

    image_size: _Size = 224
    """Height and width of an image in pixels; a multiple of patch_size."""
    patch_size: _Size = 16
    """Height and width of a patch in pixels."""
    width: _Size = 768
    """Width of the vision tower; a multiple of heads."""
    depth: _Size = 12
    """Layers of the vision tower."""
    heads: _Size = 12
    """Attention heads of each vision layer."""
    text_width: _Size = 768
    """Width of the text tower; a multiple of text_heads."""
    text_layers: _Size = 12
    """Layers of the text tower."""
    text_heads: _Size = 12
    """Attention heads of each text layer."""
    text_intermediate: _Size = 3072
    """Hidden width of each text layer's feed-forward part."""
    vocabulary_size: Annotated[int, Field(ge=4, le=10_000_000)] = 30522
    """Rows of the word embedding."""
    max_positions: _Size = 512
    """Rows of the text tower's position embedding."""
    embedding: _Size = 256
    """Width of the space in which image and text are compared."""

    @property
    def vision_arguments(self) -> dict[str, Any]:
        """What timm's VisionTransformer, and those made from it, take for these sizes."""
        return {
            "img_size": self.image_size,
            "patch_size": self.patch_size,
            "embed_dim": self.width,
            "depth": self.depth,
            "num_heads": self.heads,
        }

    @property
    def text_arguments(self) -> dict[str, Any]:
        """What transformers' BertConfig, and those made from it, take for these sizes."""
        return {
            "vocab_size": self.vocabulary_size,
            "hidden_size": self.text_width,
            "num_hidden_layers": self.text_layers,
            "num_attention_heads": self.text_heads,
            "intermediate_size": self.text_intermediate,
            "max_position_embeddings": self.max_positions,
        }

    @model_validator(mode="after")
    def _check_multiples(self) -> Self:
        for whole, part in (
            ("image_size", "patch_size"),
            ("width", "heads"),
            ("text_width", "text_heads"),
        ):
            if getattr(self, whole) % getattr(self, part):
                raise ValueError(
                    f"{whole} = {getattr(self, whole)} must be a multiple of "
                    f"{part} = {getattr(self, part)}"
                )
        return self
