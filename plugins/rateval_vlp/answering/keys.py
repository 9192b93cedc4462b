"""The keys of official checkpoints as those of transformers' classes; the rest is dropped."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping

import torch

from rateval_vlp.keys import State, hugging_face_key, official_key

# What pre-training adds: momentum copies, queues, and what compares or matches image and text.
_IGNORED = re.compile(
    r"(visual_encoder|text_encoder|vision_proj|text_proj)_m\..+"
    r"|(image|text|idx|ptr)_queue|queue_ptr|temp"
    r"|(itm_head|vision_proj|text_proj)\..+"
    r"|text_(encoder|decoder\.bert)\.embeddings\.position_ids"
)
_ENCODER = "text_encoder."
_HEAD = "text_decoder.cls.predictions."
_TIED = {
    f"{_HEAD}decoder.weight": "text_decoder.bert.embeddings.word_embeddings.weight",
    f"{_HEAD}decoder.bias": f"{_HEAD}bias",
}
"""Weights of the head that are others, by their names."""


def names_in(names: Iterable[str], *, hugging_face: bool) -> list[str]:
    """Return transformers' ``names`` as they stand in a checkpoint.

    >>> names_in(["vision_model.post_layernorm.bias"], hugging_face=False)
    ['visual_encoder.norm.bias']
    """
    return [name if hugging_face else official_key(name) for name in names]


def select(
    state: Mapping[str, torch.Tensor], wanted: Collection[str]
) -> tuple[State, tuple[str, ...]]:
    """Split a checkpoint's weights into those of the model, renamed, and the keys without use.

    ``wanted`` are the names of the module. Weights that are tied and stand there once are given
    both of their names.

    >>> used, ignored = select({"visual_encoder.cls_token": torch.zeros(1), "temp": 0}, ())
    >>> list(used), ignored
    (['vision_model.embeddings.class_embedding'], ('temp',))
    """
    reads = any(name.startswith(_ENCODER) for name in wanted)
    used: State = {}
    ignored = []
    for key, value in state.items():
        if _IGNORED.fullmatch(key) or (key.startswith(_ENCODER) and not reads):
            ignored.append(key)
        else:
            used[hugging_face_key(key)] = value
    for name, other in _TIED.items():
        if name in wanted and other in used:
            used.setdefault(name, used[other])
    return used, tuple(ignored)


def list_tied(module: torch.nn.Module) -> list[str]:
    """Return names of weights that ``module`` ties to others, and that a file needn't hold."""
    return [
        name
        for name, other in _TIED.items()
        if module.get_parameter(name) is module.get_parameter(other)
    ]


def list_untied(used: Mapping[str, torch.Tensor], module: torch.nn.Module) -> list[str]:
    """Return names of weights that ``module`` ties to others, and that differ from them here.

    Old versions of transformers, such as 4.44, tie none, and take any.
    """
    return [name for name in list_tied(module) if not torch.equal(used[name], used[_TIED[name]])]
