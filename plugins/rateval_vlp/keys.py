"""The keys of official checkpoints as those of ``DualEncoder``; the known rest is dropped."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

import torch

State = dict[str, torch.Tensor]

# Fusion, training and captions; momentum copies end in _m.
_IGNORED = re.compile(
    r"(visual_encoder|text_encoder|vision_proj|text_proj|text_decoder|itm_head)_m\..+"
    r"|(image|text|idx|ptr)_queue|queue_ptr"
    r"|(itm_head|text_decoder)\..+"
    r"|text_encoder\.(cls|(bert\.)?pooler)\..+"
    r"|text_encoder\.(bert\.)?embeddings\.position_ids"
)
_LAYER = re.compile(r"text_encoder\.(?:bert\.)?encoder\.layer\.(\d+)\.(crossattention\.)?")

# Beginnings of names, transformers' and BLIP's own; # is the number of a layer.
_NAMES = (
    ("vision_model.embeddings.class_embedding", "visual_encoder.cls_token"),
    ("vision_model.embeddings.position_embedding", "visual_encoder.pos_embed"),
    ("vision_model.embeddings.patch_embedding.", "visual_encoder.patch_embed.proj."),
    ("vision_model.post_layernorm.", "visual_encoder.norm."),
    ("vision_model.encoder.layers.#.self_attn.projection.", "visual_encoder.blocks.#.attn.proj."),
    ("vision_model.encoder.layers.#.self_attn.qkv.", "visual_encoder.blocks.#.attn.qkv."),
    ("vision_model.encoder.layers.#.layer_norm1.", "visual_encoder.blocks.#.norm1."),
    ("vision_model.encoder.layers.#.layer_norm2.", "visual_encoder.blocks.#.norm2."),
    ("vision_model.encoder.layers.#.mlp.", "visual_encoder.blocks.#.mlp."),
)


def is_hugging_face(keys: Iterable[str]) -> bool:
    """Return whether the keys are those of transformers' BlipForImageTextRetrieval.

    >>> is_hugging_face(["vision_model.post_layernorm.bias"]), is_hugging_face(["temp"])
    (True, False)
    """
    return any(key.startswith("vision_model.") for key in keys)


def official_key(key: str) -> str:
    """Return BLIP's own name of a weight that transformers renamed; others stay.

    >>> official_key("vision_model.encoder.layers.3.self_attn.projection.bias")
    'visual_encoder.blocks.3.attn.proj.bias'
    """
    return _translate(key, _NAMES)


def hugging_face_key(key: str) -> str:
    """Return transformers' name of a weight that BLIP calls otherwise; others stay.

    >>> hugging_face_key("visual_encoder.blocks.3.attn.proj.bias")
    'vision_model.encoder.layers.3.self_attn.projection.bias'
    """
    return _translate(key, [(other, name) for name, other in _NAMES])


def _translate(key: str, names: Iterable[tuple[str, str]]) -> str:
    for name, other in names:
        found = re.match(re.escape(name).replace(r"\#", r"(\d+)"), key)
        if found:
            layer = found[1] if found.lastindex else ""
            return other.replace("#", layer) + key[found.end() :]
    return key


def select_albef(state: Mapping[str, torch.Tensor]) -> tuple[State, tuple[str, ...]]:
    """Split ALBEF's weights into those of a dual encoder, renamed, and the keys without use.

    Layers with cross-attention are fusion layers, which text alone never runs.
    """
    fusion = {found[1] for key in state if (found := _LAYER.match(key)) and found[2]}
    used: State = {}
    ignored = []
    for key, value in state.items():
        layer = _LAYER.match(key)
        if _IGNORED.fullmatch(key) or (layer and layer[1] in fusion):
            ignored.append(key)
        else:
            # Fine-tuned retrieval checkpoints lack the "bert." of pre-trained ones.
            used[re.sub(r"^text_encoder\.bert\.", "text_encoder.", key)] = value
    return used, tuple(ignored)


def select_blip(state: Mapping[str, torch.Tensor]) -> tuple[State, tuple[str, ...]]:
    """Split BLIP's weights into those of a dual encoder, renamed, and the keys without use.

    Every text layer has a cross-attention, which text alone never runs.
    """
    used: State = {}
    ignored = []
    for key, value in state.items():
        layer = _LAYER.match(key)
        if _IGNORED.fullmatch(key) or (layer and layer[2]):
            ignored.append(key)
        else:
            used[official_key(key)] = value
    return used, tuple(ignored)
