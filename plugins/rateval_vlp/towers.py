"""The dual encoder, built from timm's and transformers' own classes, unmodified."""

from __future__ import annotations

from functools import partial

import torch
from timm.models.vision_transformer import VisionTransformer
from torch import nn
from transformers import BertConfig, BertModel, BlipTextConfig
from transformers.models.blip.modeling_blip_text import BlipTextModel

from rateval_vlp.architecture import PADDING, Architecture

INITIAL_TEMPERATURE = 0.07


class DualEncoder(nn.Module):
    """Both towers, their projections and the temperature under the official names.

    Its state dict is what fine-tuned retrieval checkpoints of ALBEF and BLIP hold, less the parts
    that only fusion, training and captions use.
    """

    def __init__(self, architecture: Architecture) -> None:
        """Build the towers with weights from torch's global random state."""
        super().__init__()
        size = architecture.size
        self.visual_encoder = _vision_tower(architecture)
        self.text_encoder = _text_tower(architecture)
        self.vision_proj = nn.Linear(size.width, size.embedding)
        self.text_proj = nn.Linear(size.text_width, size.embedding)
        self.temp = nn.Parameter(torch.tensor(architecture.temperature or INITIAL_TEMPERATURE))

    def embed_text(self, ids: torch.Tensor) -> torch.Tensor:
        """Embed (K, T) int64 as (K, D); PADDING is attended by nothing."""
        states = self.text_encoder(input_ids=ids, attention_mask=(ids != PADDING).long())
        embedding: torch.Tensor = self.text_proj(states.last_hidden_state[:, 0])
        return embedding


def build(architecture: Architecture, seed: int) -> DualEncoder:
    """Build the towers with weights drawn from ``seed``, on the CPU in float32, in eval mode.

    The global random state stays as it is.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return DualEncoder(architecture).eval()


def _vision_tower(architecture: Architecture) -> VisionTransformer:
    size = architecture.size
    tower = VisionTransformer(
        **size.vision_arguments,
        num_classes=0,
        norm_layer=partial(nn.LayerNorm, eps=architecture.vision_eps),
    )
    # timm's and BERT's usual 0.02 suits wide towers; narrow ones stay at chance with it.
    for layer in tower.modules():
        if isinstance(layer, nn.Linear):
            nn.init.xavier_uniform_(layer.weight)
    return tower


def _text_tower(architecture: Architecture) -> BertModel | BlipTextModel:
    size = architecture.size
    sizes = {
        **size.text_arguments,
        "layer_norm_eps": architecture.text_eps,
        "initializer_range": size.text_width**-0.5,
        "pad_token_id": PADDING,
    }
    if architecture.family == "albef":
        return BertModel(BertConfig(**sizes), add_pooling_layer=False)
    config = BlipTextConfig(
        **sizes,
        is_decoder=False,  # its cross-attention belongs to matching and captions
        hidden_dropout_prob=0.1,  # as in BLIP's own med_config.json
        attention_probs_dropout_prob=0.1,
        bos_token_id=None,  # its defaults are words of a full vocabulary
        sep_token_id=None,
    )
    return BlipTextModel(config, add_pooling_layer=False)
