"""The files of the ``checkpoint`` finetuner, read for a model."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from rateval.api import Model, RatevalError
from rateval.modelkit import read_weights, tell_left_out
from rateval_finetune.loading.adapter import merge_adapter
from rateval_finetune.loading.files import is_adapter, locate
from rateval_finetune.loading.heads import name_head, read_head, require_one, split_head
from rateval_finetune.loading.towers import complete, tell_base, tower_names

if TYPE_CHECKING:
    from rateval_finetune.params import CheckpointParams


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a checkpoint's files hold for a model."""

    source: Path
    weights: dict[str, torch.Tensor]
    """All weights of the model."""
    head: dict[str, torch.Tensor]
    """``head.weight`` and so on; empty where there is none."""
    used: int | None
    """Tensors that came from the files; None where the model knows."""
    left_out: tuple[str, ...]
    notes: tuple[str, ...]


def read_checkpoint(params: CheckpointParams, model: Model) -> Checkpoint:
    """Read the weights and the head that ``params`` name.

    Raises RatevalError for files that can't be read safely, and for what could be meant otherwise.
    """
    source, head_file = locate(params)
    names = model.module.state_dict().keys()
    left_out: tuple[str, ...] = ()
    used = None
    if is_adapter(source):
        if params.weights is not None:
            raise RatevalError(
                f'checkpoint: weights = "{params.weights}": {source} is an adapter, which holds '
                "one set of weights; leave weights out"
            )
        changed, head, notes = merge_adapter(model, source, params.prefix)
        weights, used = complete(model, changed), len(changed)
    else:
        read = read_weights(
            source,
            names,
            tower=tower_names(model),
            prefix=params.prefix,
            weights=params.weights,
        )
        # The prefix may stand before the head, too, or not.
        weights, head = split_head(read.state, names, source)
        rest, other = split_head(read.left_out, (), source)
        require_one(head, other, path=source)
        head, left_out, notes = head or other, tuple(rest), read.notes
        if read.tower_only:
            used = len(weights)
            notes = (*notes, tell_base(model, used))
            weights = complete(model, weights)
    notes = (*notes, *tell_left_out(left_out))
    if head_file is not None:
        head, more = read_head(head_file)
        notes = (*notes, *tell_left_out(more, beside="head"))
    if head is None:
        return Checkpoint(source, weights, {}, used, left_out, notes)
    tensors, said = name_head(head, params.head_on, head_file or source)
    return Checkpoint(source, weights, tensors, used, left_out, (*notes, *said))
