"""transformers' BLIP that answers: built, unmodified, and loaded without a gap."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn
from transformers import BlipConfig, BlipForConditionalGeneration, BlipForQuestionAnswering
from transformers.models.blip.modeling_blip_text import BlipTextSelfAttention

from rateval.api import RatevalError
from rateval.modelkit import require_same_weights
from rateval_vlp.answering.architecture import AnsweringArchitecture
from rateval_vlp.answering.keys import list_untied, select
from rateval_vlp.architecture import PADDING
from rateval_vlp.keys import is_hugging_face
from rateval_vlp.weights import Loaded, resize_positions

_POSITIONS = "vision_model.embeddings.position_embedding"


def build(architecture: AnsweringArchitecture, seed: int) -> Any:
    """Build the module with weights drawn from ``seed``, on the CPU in float32, in eval mode.

    It is a BlipForQuestionAnswering, or a BlipForConditionalGeneration where nothing is asked. The
    global random state stays as it is.
    """
    config = _make_config(architecture)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        kind: Any = BlipForQuestionAnswering if architecture.asks else BlipForConditionalGeneration
        module = kind(config).float().eval()
    pass_masks_on(module)
    return module


def _make_config(architecture: AnsweringArchitecture) -> BlipConfig:
    towers, size = architecture.towers, architecture.towers.size
    text = {
        **size.text_arguments,
        "layer_norm_eps": towers.text_eps,
        "hidden_dropout_prob": architecture.hidden_dropout,
        "attention_probs_dropout_prob": architecture.attention_dropout,
        # transformers' usual 0.02 suits wide towers; narrow ones stay at chance with it.
        "initializer_range": size.text_width**-0.5,
        "pad_token_id": PADDING,
        "bos_token_id": architecture.begin,
        "sep_token_id": architecture.end,
        "eos_token_id": architecture.end,
        "is_decoder": True,
    }
    vision = {
        "hidden_size": size.width,
        "intermediate_size": 4 * size.width,
        "num_hidden_layers": size.depth,
        "num_attention_heads": size.heads,
        "image_size": size.image_size,
        "patch_size": size.patch_size,
        "layer_norm_eps": towers.vision_eps,
        "initializer_range": size.width**-0.5,
    }
    return BlipConfig(text_config=text, vision_config=vision, image_text_hidden_size=size.embedding)


def pass_masks_on(module: nn.Module) -> None:
    """Let each cross-attention of ``module`` see the mask of what it attends to.

    transformers 5 gives the mask to ``BlipTextAttention``, which doesn't hand it to the layer
    inside, so that padding of questions would be attended. Versions that hand it on aren't changed.
    """
    for part in module.modules():
        if isinstance(part, BlipTextSelfAttention):
            part.register_forward_pre_hook(_hand_on, with_kwargs=True)


# Not a closure: a deep copy of the module keeps it.
def _hand_on(
    _module: nn.Module, arguments: tuple[Any, ...], named: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    crosses = named.get("encoder_hidden_states") is not None
    if crosses and named.get("encoder_attention_mask") is None:
        named = named | {"encoder_attention_mask": named.get("attention_mask")}
    return arguments, named


def load_weights(
    module: nn.Module,
    architecture: AnsweringArchitecture,
    state: Mapping[str, torch.Tensor],
    path: Path,
) -> Loaded:
    """Copy the checkpoint ``state`` into ``module``, every weight of it.

    ``path`` is where it comes from. Raises RatevalError, before anything is changed, when keys are
    missing, unexpected or of another shape, listing up to ten.
    """
    towers = architecture.towers
    if is_hugging_face(state) and not towers.hugging_face:
        raise RatevalError(
            f"{path}: weights of transformers' BLIP, whose sizes stand in the config.json beside "
            "them; give the path of the folder"
        )
    wanted = module.state_dict()
    used, ignored = select(state, wanted)
    resized = _fit_positions(used, towers.size.image_size // towers.size.patch_size, path)
    require_same_weights(
        used,
        wanted,
        path,
        owner=f"{type(module).__name__}, {towers.name}",
        remedy="give the size that the checkpoint was trained with, or a checkpoint for this task",
    )
    apart = list_untied(used, module)
    if apart:
        raise RatevalError(
            f"{path}: {apart[0]} differs from the weight that it is tied to in transformers' "
            "class; only checkpoints whose words are read and written by the same weights are "
            "supported"
        )
    module.load_state_dict(used)
    return Loaded(len(state) - len(ignored), ignored, resized)


def _fit_positions(used: dict[str, torch.Tensor], side: int, path: Path) -> tuple[str, ...]:
    """Interpolate the rows of positions in ``used``; return what was done, in a sentence."""
    positions = used.get(_POSITIONS)
    if positions is None or positions.ndim != 3 or len(positions) != 1:
        return ()  # its shape is reported with the others
    before = positions.shape[1]
    square = int(max(before - 1, 0) ** 0.5 + 0.5)
    if square < 1 or square * square != before - 1:
        raise RatevalError(
            f"{path}: {_POSITIONS} has {before} rows: the class token and {before - 1} patches, "
            "which make no square grid; only square images are supported: give a checkpoint that "
            "was trained on them"
        )
    if square == side:
        return ()
    used[_POSITIONS] = resize_positions(positions.float(), (side, side))
    return (f"positions interpolated from {before} rows to {1 + side * side}",)
