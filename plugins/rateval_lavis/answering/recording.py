"""The attention of LAVIS' unmodified AlbefVQA, recorded as a flow from answer to image."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import nn

from rateval.api import PluginError, RatevalError
from rateval.api.tasks.texts import Attended, Flow
from rateval.modelkit import attend_plainly, replaced_forward
from rateval_lavis import recording
from rateval_lavis.upstream import Attention, BertSelfAttention

IMAGE, QUESTION, ANSWER = "image", "question", "answer"


@dataclass(frozen=True, slots=True, eq=False)
class Watched:
    """An attention, and the streams between which it runs."""

    layer: nn.Module
    to: str
    of: str


def watch(module: Any) -> list[Watched]:
    """Return every attention of an AlbefVQA.

    Raises RatevalError when one is of another class, or by relative positions.
    """
    blocks = module.visual_encoder.blocks
    seen = [Watched(_known(block.attn, Attention), IMAGE, IMAGE) for block in blocks]
    return [
        *seen,
        *_watch_text(module.text_encoder, QUESTION, IMAGE),
        *_watch_text(module.text_decoder.bert, ANSWER, QUESTION),
    ]


def _watch_text(text: Any, to: str, of: str) -> Iterator[Watched]:
    for layer in text.encoder.layer:
        yield Watched(_known(layer.attention.self, BertSelfAttention), to, to)
        if hasattr(layer, "crossattention"):
            yield Watched(_known(layer.crossattention.self, BertSelfAttention), to, of)


def _known(layer: Any, kind: type[nn.Module]) -> nn.Module:
    if type(layer) is not kind:
        found = f"{type(layer).__module__}.{type(layer).__qualname__}"
        raise RatevalError(
            f"its attention cannot be recorded: it is {found}; only "
            f"{kind.__module__}.{kind.__qualname__} is known"
        )
    positions = getattr(layer, "position_embedding_type", "absolute")
    if positions != "absolute":
        raise RatevalError(
            f"its attention cannot be recorded: position_embedding_type = {positions!r}; only "
            "absolute positions are known"
        )
    known: nn.Module = layer
    return known


@contextmanager
def watching(watched: list[Watched], flow: Flow) -> Iterator[None]:
    """Append each attention that runs within the context to ``flow``, in their order.

    Leaving the context, also by an exception, restores every module.
    """
    with ExitStack() as stack:
        for one in watched:
            forward = partial(_attend_and_tell, one, flow)
            stack.enter_context(replaced_forward(one.layer, forward))
        yield


def _attend_and_tell(watched: Watched, flow: Flow, *arguments: Any, **named: Any) -> Any:
    attend = recording.attend if watched.of == watched.to == IMAGE else attend_words
    output, probabilities = attend(watched.layer, *arguments, **named)
    flow.steps.append(Attended(watched.to, watched.of, probabilities))
    return output


def attend_words(
    layer: Any,
    hidden_states: torch.Tensor,
    attention_mask: torch.Tensor | None = None,
    head_mask: torch.Tensor | None = None,
    encoder_hidden_states: torch.Tensor | None = None,
    encoder_attention_mask: torch.Tensor | None = None,
    past_key_value: Any = None,
    output_attentions: bool = False,
) -> tuple[tuple[Any, ...], torch.Tensor]:
    """Compute what LAVIS' BertSelfAttention computes from (B, M, D), and its probabilities.

    Those are (B, heads, M, N) float32, from which the output is computed; N are the tokens that it
    attends to, its own or an encoder's. Masks are added to the scores. Raises PluginError for
    dropout, a head mask and a cache, which no evaluation has.

    Source: github.com/salesforce/LAVIS, lavis/models/med.py.
    """
    if head_mask is not None or past_key_value is not None:
        what = "a head mask" if head_mask is not None else "a cache"
        raise PluginError(f"attention with {what} cannot be recorded; score texts without one")
    crosses = encoder_hidden_states is not None
    source = encoder_hidden_states if crosses else hidden_states
    key = layer.transpose_for_scores(layer.key(source))
    value = layer.transpose_for_scores(layer.value(source))
    mixed, probabilities = attend_plainly(
        layer.transpose_for_scores(layer.query(hidden_states)),
        key,
        value,
        encoder_attention_mask if crosses else attention_mask,
        dropout_p=layer.dropout.p if layer.training else 0.0,
    )
    context = mixed.transpose(1, 2).flatten(2)
    told = (probabilities,) if output_attentions else ()
    return (context, *told, (key, value)), probabilities
