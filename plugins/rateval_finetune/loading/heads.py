"""The linear head among the tensors of a file."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch

from rateval.api import RatevalError
from rateval.modelkit import list_some, read_state_dict
from rateval_finetune.training.linear_head import EMBEDDING_HEAD, HEAD

State = Mapping[str, torch.Tensor]
_NAMES = ("head", "embedding_head", "fc", "classifier", "linear")
_WRAPPERS = ("model", "state_dict", "model_state_dict", "module")


@dataclass(frozen=True, slots=True)
class Head:
    """A linear head as a file has it."""

    name: str
    """Such as ``fc`` or ``model.head``."""
    tensors: dict[str, torch.Tensor]
    """``weight`` (K, F) and perhaps ``bias`` (K,)."""


def split_head(
    given: State, wanted: Collection[str], path: Path
) -> tuple[dict[str, torch.Tensor], Head | None]:
    """Part a linear head from other tensors; the ``wanted`` names of a model are none.

    Raises RatevalError when there are several.

    >>> given = {"a.fc.weight": torch.zeros(2, 3), "b": torch.zeros(1)}
    >>> rest, head = split_head(given, ["b"], Path("a.pt"))
    >>> list(rest), head.name, list(head.tensors)
    (['b'], 'a.fc', ['weight'])
    """
    heads: dict[str, dict[str, torch.Tensor]] = {}
    rest: dict[str, torch.Tensor] = {}
    for key, value in given.items():
        stem, _, last = key.rpartition(".")
        if key not in wanted and last in ("weight", "bias") and _last(stem) in _NAMES:
            heads.setdefault(stem, {})[last] = value
        else:
            rest[key] = value
    found = [Head(*items) for items in heads.items()]
    require_one(*found, path=path)
    return rest, found[0] if found else None


def require_one(*heads: Head | None, path: Path) -> None:
    """Raise RatevalError when there are several heads."""
    names = [head.name for head in heads if head is not None]
    if len(names) > 1:
        raise RatevalError(
            f"checkpoint: {path}: holds {len(names)} linear heads, {list_some(names)}, and nothing "
            "says which one is meant; save the right one alone, and leave the others out"
        )


def read_head(path: Path) -> tuple[Head, tuple[str, ...]]:
    """Read the head of a file of its own, and what else the file holds.

    Raises RatevalError when it cannot be read safely, or holds no head, or several.
    """
    state = read_state_dict(path, _WRAPPERS)
    if state.keys() <= {"weight", "bias"}:
        return Head("head", state), ()
    rest, head = split_head(state, (), path)
    if head is None:
        raise RatevalError(
            f"checkpoint: head {path}: holds no linear head (weight and bias, or those of "
            f"{', '.join(_NAMES)}), but {list_some(rest)}; save the head alone"
        )
    return head, tuple(rest)


def name_head(
    head: Head, on: Literal["features", "embedding"] | None, path: Path
) -> tuple[dict[str, torch.Tensor], tuple[str, ...]]:
    """Return a head's tensors by the names under which they are stored, and what was assumed.

    Raises RatevalError when its name says that it sits on something else than ``on``.
    """
    name = _last(head.name)
    if name == "embedding_head" and on == "features":
        raise RatevalError(
            f'checkpoint: head_on = "features": the head of {path} is called {head.name}, which '
            "sits on the embedding; leave head_on out, or call it head"
        )
    embedding = name == "embedding_head" or on == "embedding"
    notes = []
    if name not in ("head", "embedding_head") and on is None:
        notes.append(
            f"linear head {head.name}, taken to sit on the model's features (head_on says "
            "otherwise) and to have the dataset's classes in their order"
        )
    tensors = dict(head.tensors)
    weight = tensors.get("weight")
    if weight is not None and "bias" not in tensors:
        tensors["bias"] = weight.new_zeros(len(weight) if weight.ndim else 1)
        notes.append(f"linear head {head.name} without a bias, which is 0")
    own = EMBEDDING_HEAD if embedding else HEAD
    return {own + key: value for key, value in tensors.items()}, tuple(notes)


def _last(name: str) -> str:
    return name.rpartition(".")[2]
