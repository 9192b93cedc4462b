"""Checkpoints in LAVIS' AlbefVQA without a gap, and what of them has no use."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import nn

from rateval.api import RatevalError
from rateval.modelkit import require_same_weights
from rateval_lavis.checkpoint import Loaded, fit_positions, rename

_POSITIONS = "visual_encoder.pos_embed"
_EMBEDDINGS = ("text_encoder.embeddings", "text_decoder.bert.embeddings")
_TIED = {
    "text_decoder.cls.predictions.decoder.weight": (
        "text_decoder.bert.embeddings.word_embeddings.weight"
    ),
    "text_decoder.cls.predictions.decoder.bias": "text_decoder.cls.predictions.bias",
}
"""Weights of LAVIS' decoder to those that they are the same as."""
# Momentum copies, queues and heads of pre-training; position_ids are 0, 1, 2, …
_UNUSED = re.compile(r"\w+_m\..+|\w+_queue|queue_ptr|ptr_queue|temp|.+\.position_ids")


def load_answering(
    module: nn.Module, state: Mapping[str, torch.Tensor], path: Path, *, token_types: bool | None
) -> Loaded:
    """Copy a checkpoint's ``state`` into ``module``, every weight of it.

    The position embedding of another square grid is interpolated by LAVIS' function. Token types
    are added to the positions, as LAVIS' class has none: a question or an answer is of type 0
    alone. Raises RatevalError when keys are missing, unexpected or of another shape, when weights
    that LAVIS ties differ, and when token types are asked for and none are there.
    """
    given = {key: value for key, value in rename(state).items() if not _UNUSED.fullmatch(key)}
    ignored = {key for key in rename(state) if key not in given}
    told: list[str] = []
    for embeddings in _EMBEDDINGS:
        name = f"{embeddings}.token_type_embeddings.weight"
        types = given.pop(name, None)
        if types is None and token_types:
            raise RatevalError(f"token_types = true: {path} holds no {name}; leave token_types out")
        if types is None:
            continue
        if token_types is False:
            ignored.add(name)
            continue
        positions = f"{embeddings}.position_embeddings.weight"
        if positions in given and types.shape[-1] == given[positions].shape[-1]:
            given[positions] = given[positions] + types[0]
            told.append(f"the first token type of {embeddings} added to its positions")
    _fill_tied(given, path)
    if _POSITIONS in given:
        before = given[_POSITIONS].shape[1]
        given[_POSITIONS] = fit_positions(given[_POSITIONS], module, path)
        after = given[_POSITIONS].shape[1]
        if after != before:
            told.append(f"positions interpolated from {before} rows to {after}")
    wanted = {k: v for k, v in module.state_dict().items() if not _UNUSED.fullmatch(k)}
    remedy = "give a checkpoint of ALBEF that answers questions, and its config or size"
    require_same_weights(given, wanted, path, owner="this model", remedy=remedy)
    module.load_state_dict(given, strict=False)
    return Loaded(len(given), tuple(sorted(ignored)), tuple(told))


def _fill_tied(state: dict[str, torch.Tensor], path: Path) -> None:
    for name, same in _TIED.items():
        if same not in state:
            continue
        if not state.setdefault(name, state[same]).equal(state[same]):
            raise RatevalError(
                f"{path}: {name} differs from {same}, which LAVIS' decoder takes for the same "
                "weight; give a checkpoint that LAVIS wrote"
            )
