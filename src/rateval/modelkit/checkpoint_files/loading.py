"""A checkpoint from elsewhere read as a model's own weights, and told how."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path

import torch

from rateval.errors import RatevalError
from rateval.modelkit.checkpoint_files.copies import find_copies
from rateval.modelkit.checkpoint_files.finding import AVERAGED, Wanted, Weights, find_weights
from rateval.modelkit.checkpoint_files.reading import only_tensors, read_content
from rateval.modelkit.checkpoint_files.shards import is_index, locate_shards, read_index
from rateval.modelkit.checkpoint_files.wrappers import (
    WeightsChoice,
    refuse_without_average,
    unwrap,
)
from rateval.wording import list_some


def read_weights(
    path: Path,
    wanted: Collection[str],
    *,
    tower: Mapping[str, str] | None = None,
    prefix: str | None = None,
    weights: WeightsChoice | None = None,
) -> Weights:
    """Read the checkpoint at ``path`` as weights by the ``wanted`` names of a model.

    ``path`` is a file, or an index of shards. Wrappers (``model``, ``state_dict``,
    ``model_state_dict``, ``module``) are taken off, and ``prefix``, or what a training program put
    before the names, is stripped where at least a quarter of the wanted ones are found behind it;
    what doesn't begin with it is left out. ``weights`` chooses averaged ones. With ``tower``, the
    image tower's own names to the model's, a tower alone is taken, too. Raises RatevalError for
    what ``read_state_dict`` refuses, and when several copies of the weights could be meant.
    """
    content = read_shards(path) if is_index(path) else read_content(path)
    unwrapped = unwrap(content, weights, path)
    given = only_tensors(unwrapped.content, path)
    names = Wanted(frozenset(wanted), tower or {})
    choice = None if unwrapped.averaged else weights
    if choice is not None and prefix is None:
        _require_choice(choice, given, names, content, path)
    found = find_weights(given, names, path, prefix=prefix, weights=choice)
    return replace(found, notes=(*unwrapped.notes, *found.notes))


def read_shards(index: Path) -> dict[str, torch.Tensor]:
    """Read the tensors of all shards that an index names, each of which is in exactly one.

    Raises RatevalError when a shard lacks one that it should hold, or holds one that the index
    gives to another shard or to none.
    """
    places = read_index(index)
    state: dict[str, torch.Tensor] = {}
    for file in locate_shards(index):
        shard = only_tensors(read_content(file), file)
        due = {key for key, name in places.items() if name == file.name}
        lacking, extra = sorted(due - shard.keys()), sorted(shard.keys() - due)
        if lacking or extra:
            faults = [f"lacks {list_some(lacking)}"] if lacking else []
            faults += [f"holds {list_some(extra)}, too"] if extra else []
            raise RatevalError(
                f"{file}: {' and '.join(faults)}, other than {index.name} says; copy the whole "
                "folder again"
            )
        state |= shard
    return state


def _require_choice(
    choice: WeightsChoice,
    given: Mapping[str, torch.Tensor],
    wanted: Wanted,
    content: object,
    path: Path,
) -> None:
    """Raise RatevalError when there are no such weights as are asked for."""
    copies = (
        *find_copies(given, wanted.names).values(),
        *find_copies(given, wanted.tower).values(),
    )
    count = min(len(wanted.names), len(wanted.tower) or len(wanted.names))
    large = [copy for copy in copies if 4 * len(copy.keys) >= count]
    averaged = AVERAGED in given or any(copy.averaged for copy in large)
    if choice == "ema" and not averaged:
        raise refuse_without_average(content, path)
    if choice == "model" and (AVERAGED in given or (large and all(c.averaged for c in large))):
        raise RatevalError(
            f'{path}: weights = "model": the file holds averaged weights alone; set weights = '
            '"ema", or give the file of the weights as they were trained'
        )
