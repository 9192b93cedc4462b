"""The attention of transformers' unmodified BLIP, recorded as a flow from answer to image."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import nn
from transformers.models.blip.modeling_blip import BlipAttention
from transformers.models.blip.modeling_blip_text import BlipTextSelfAttention

from rateval.api import PluginError, RatevalError
from rateval.api.tasks.texts import Attended, Flow
from rateval.modelkit import attend_plainly, replaced_forward

IMAGE, QUESTION, ANSWER = "image", "question", "answer"


@dataclass(frozen=True, slots=True, eq=False)
class Watched:
    """An attention, and the streams between which it runs."""

    layer: nn.Module
    to: str
    of: str


def watch_image(vision: Any) -> list[Watched]:
    """Return the attention of each block of a BlipVisionModel, first block first.

    Raises RatevalError when one is of another class.
    """
    layers = [block.self_attn for block in vision.encoder.layers]
    return [Watched(_known(layer, BlipAttention), IMAGE, IMAGE) for layer in layers]


def watch_text(text: Any, to: str, of: str) -> list[Watched]:
    """Return both attentions of each layer of a BlipTextModel that writes stream ``to``.

    It attends to itself and to ``of``. Raises RatevalError when one is of another class.
    """
    watched = []
    for layer in text.encoder.layer:
        own, cross = layer.attention.self, layer.crossattention.self
        watched.append(Watched(_known(own, BlipTextSelfAttention), to, to))
        watched.append(Watched(_known(cross, BlipTextSelfAttention), to, of))
    return watched


def _known(layer: nn.Module, kind: type[nn.Module]) -> nn.Module:
    if type(layer) is not kind:
        found = f"{type(layer).__module__}.{type(layer).__qualname__}"
        raise RatevalError(
            f"its attention cannot be recorded: it is {found}; only "
            f"{kind.__module__}.{kind.__qualname__} is known"
        )
    return layer


@contextmanager
def recording(watched: list[Watched], flow: Flow) -> Iterator[None]:
    """Append each attention that runs within the context to ``flow``, in their order.

    Leaving the context, also by an exception, restores every module.
    """
    with ExitStack() as stack:
        for one in watched:
            forward = partial(_attend_and_tell, one, flow)
            stack.enter_context(replaced_forward(one.layer, forward))
        yield


def _attend_and_tell(watched: Watched, flow: Flow, *arguments: Any, **named: Any) -> Any:
    attend = attend_image if watched.of == watched.to == IMAGE else attend_text
    output, probabilities = attend(watched.layer, *arguments, **named)
    flow.steps.append(Attended(watched.to, watched.of, probabilities))
    return output


def attend_image(
    layer: Any, hidden_states: torch.Tensor, **_options: Any
) -> tuple[tuple[torch.Tensor, torch.Tensor], torch.Tensor]:
    """Compute what a BlipAttention computes from (B, N, D): what it returns, probabilities.

    Those are (B, heads, N, N) float32, from which the output is computed. Raises PluginError for
    dropout.
    """
    batch, length, width = hidden_states.shape
    heads = layer.qkv(hidden_states).reshape(batch, length, 3, layer.num_heads, -1)
    query, key, value = heads.permute(2, 0, 3, 1, 4)
    dropout = layer.dropout.p if layer.training else 0.0
    mixed, probabilities = attend_plainly(query, key, value, dropout_p=dropout, scale=layer.scale)
    output = layer.projection(mixed.transpose(1, 2).reshape(batch, length, width))
    return (output, probabilities), probabilities


def attend_text(
    layer: Any, *arguments: Any, **named: Any
) -> tuple[tuple[torch.Tensor, torch.Tensor], torch.Tensor]:
    """Compute what a BlipTextSelfAttention computes from (B, M, D): what it returns, probabilities.

    Those are (B, heads, M, N) float32, from which the output is computed; N are the tokens that it
    attends to, its own or an encoder's. Raises PluginError for dropout, and for a cache, by which
    texts are generated.
    """
    # Versions of transformers hand over some of them by position, others by name.
    signature = inspect.signature(type(layer).forward)
    given = signature.bind(layer, *arguments, **named).arguments
    states, others = given["hidden_states"], given.get("encoder_hidden_states")
    if given.get("past_key_values") is not None:
        raise PluginError("attention with a cache cannot be recorded; score texts without one")
    mask = given.get("attention_mask" if others is None else "encoder_attention_mask")
    source = states if others is None else others
    split = partial(_split, heads=layer.num_attention_heads)
    mixed, probabilities = attend_plainly(
        split(layer.query(states)),
        split(layer.key(source)),
        split(layer.value(source)),
        mask,
        dropout_p=layer.dropout.p if layer.training else 0.0,
    )
    return (mixed.transpose(1, 2).flatten(2), probabilities), probabilities


def _split(projected: torch.Tensor, heads: int) -> torch.Tensor:
    return projected.view(*projected.shape[:2], heads, -1).transpose(1, 2)
