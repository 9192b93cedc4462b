"""What training programs wrap a state dict in, and which of several is meant."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch

from rateval.errors import RatevalError
from rateval.wording import list_some

WeightsChoice = Literal["model", "ema"]
"""The weights as they were trained, or their average over steps (EMA, SWA)."""

PLAIN = ("model", "state_dict", "model_state_dict", "module")
_EMA = (
    "state_dict_ema",
    "model_ema",
    "ema",
    "ema_state_dict",
    "ema_model",
    "model_ema_state_dict",
)
# Lightning's averaging callback puts the average in the place of the model's own weights.
_LIGHTNING = ("current_model_state", "state_dict")


@dataclass(frozen=True, slots=True)
class Unwrapped:
    """A state dict out of its wrapper."""

    content: object
    averaged: bool
    """Whether it is known to hold averaged weights."""
    notes: tuple[str, ...] = ()


def unwrap(content: object, asked: WeightsChoice | None, path: Path) -> Unwrapped:
    """Take the state dict that is ``asked`` for out of what a file holds.

    Without a choice the plain weights are taken, and a note says that averaged ones are there,
    too. Content without a wrapper is returned as it is, and tables by other names become names
    that begin with theirs. Raises RatevalError when averaged ones alone are there and nobody asked
    for them.

    >>> weights = {"weight": torch.zeros(1)}
    >>> unwrap({"model": weights, "epoch": 3}, None, Path("a.pt")).content is weights
    True
    >>> unwrap({"model": {}, "model_ema": weights}, "ema", Path("a.pt")).averaged
    True
    >>> list(unwrap({"student": weights, "teacher": weights}, None, Path("a.pt")).content)
    ['student.weight', 'teacher.weight']
    """
    if not isinstance(content, Mapping) or not tables_in(content):
        return Unwrapped(content, averaged=False)
    plain, averaged = _find(content, PLAIN), _find(content, _EMA)
    if _LIGHTNING[0] in tables_in(content):
        plain, averaged = [_LIGHTNING[0]], [_LIGHTNING[1]]
    if len(plain) > 1 or len(averaged) > 1 or not (plain or averaged):
        return Unwrapped(_flatten(content), averaged=False)
    if asked == "ema" and averaged:
        state = _inner(content[averaged[0]])
        return Unwrapped(state, averaged=True, notes=(f"averaged weights, {averaged[0]!r}",))
    if not plain:
        raise RatevalError(
            f"{path}: holds averaged weights alone, under {averaged[0]!r}; set "
            'weights = "ema" to take them'
        )
    notes: tuple[str, ...] = ()
    if averaged and asked is None:
        notes = (
            f"weights {plain[0]!r}, as they were trained; the file holds averaged ones, too, "
            f'{averaged[0]!r}, which weights = "ema" takes',
        )
    return Unwrapped(_inner(content[plain[0]]), averaged=False, notes=notes)


def _flatten(content: Mapping[object, object]) -> dict[object, object]:
    """Return tensors by one name each; plain values, such as an epoch, are left behind."""
    flat: dict[object, object] = {}
    for key, value in content.items():
        if isinstance(value, torch.Tensor):
            flat[key] = value
        inner = _inner(value)
        if isinstance(inner, Mapping) and _is_state(inner):
            flat |= {f"{key}.{name}": tensor for name, tensor in inner.items()}
    return flat


def tables_in(content: Mapping[object, object]) -> list[str]:
    """Return under which keys there is a table of tensors.

    >>> tables_in({"a": {"w": torch.zeros(1)}, "b": {}, "c": 3})
    ['a']
    """
    return [
        key for key, value in content.items() if isinstance(key, str) and _is_state(_inner(value))
    ]


def _find(content: Mapping[object, object], names: Sequence[str]) -> list[str]:
    there = tables_in(content)
    return [name for name in names if name in there]


def _inner(value: object) -> object:
    """Unwrap once more: timm's and others' averages wrap their weights themselves."""
    if isinstance(value, Mapping) and not _is_state(value):
        for name in PLAIN:
            if _is_state(value.get(name)):
                return value[name]
    return value


def _is_state(value: object) -> bool:
    return isinstance(value, Mapping) and any(
        isinstance(tensor, torch.Tensor) for tensor in value.values()
    )


def refuse_without_average(content: object, path: Path) -> RatevalError:
    """Return the error for averaged weights that are asked for and not there."""
    keys = content.keys() if isinstance(content, Mapping) else ()
    listed = list_some(str(key) for key in keys) or "nothing by a name"
    return RatevalError(
        f'{path}: weights = "ema": the file holds no averaged weights ({", ".join(_EMA)}, or names '
        f"that begin with ema.); it holds {listed}; leave weights out to take what is there"
    )
