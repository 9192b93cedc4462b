"""A model's own weights among those of a file: whole, or its image tower alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch

from rateval.errors import RatevalError
from rateval.modelkit.checkpoint_files.copies import (
    WRAPPERS,
    Copy,
    cut_prefix,
    find_copies,
    list_beginnings,
)
from rateval.modelkit.checkpoint_files.wrappers import WeightsChoice
from rateval.wording import list_some

State = Mapping[str, torch.Tensor]
AVERAGED = "n_averaged"
"""Entry of a state dict by torch's AveragedModel."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """The names that a model gives its weights."""

    names: frozenset[str]
    """Of the whole model."""
    tower: Mapping[str, str]
    """The image tower's own names to the model's; empty where a tower alone is not taken."""

    def is_text(self, key: str) -> bool:
        """Return whether a part of ``key`` is where the model keeps what its tower lacks."""
        inside = set(self.tower.values())
        others = {name.partition(".")[0] for name in self.names - inside}
        return not others.isdisjoint(key.split("."))


@dataclass(frozen=True, slots=True)
class Weights:
    """Weights by a model's own names, and what was done to find them in their file."""

    state: dict[str, torch.Tensor]
    """Names that the model lacks are left in, to be refused."""
    left_out: dict[str, torch.Tensor]
    """What stood beside them, by the names in the file."""
    tower_only: bool
    """Whether they are the image tower's alone."""
    notes: tuple[str, ...]
    """What was stripped and chosen, in sentences; not yet what was left out."""

    @property
    def told(self) -> tuple[str, ...]:
        """The notes, and the names of what was left out."""
        return (*self.notes, *tell_left_out(self.left_out))


def find_weights(
    given: State,
    wanted: Wanted,
    path: Path,
    *,
    prefix: str | None = None,
    weights: WeightsChoice | None = None,
) -> Weights:
    """Take a model's weights out of ``given``, the state dict of the file at ``path``.

    What a training program put before their names is stripped, and what stands beside them is left
    out. Nothing is guessed: of several copies, ``prefix`` or ``weights`` must say which one is
    meant. Raises RatevalError when they don't, or when there is no such copy.
    """
    whole = find_copies(given, wanted.names)
    towers = find_copies(given, wanted.tower)
    if prefix is not None:
        _require_prefix(given, prefix, path)
        whole = {key: copy for key, copy in whole.items() if key == prefix}
        towers = {key: copy for key, copy in towers.items() if key == prefix}
    if not any(len(copy.keys) == len(wanted.names) for copy in whole.values()):
        complete = [copy for copy in towers.values() if len(copy.keys) == len(wanted.tower)]
        chosen = _choose(complete, len(wanted.tower), weights, path)
        others = given.keys() - {key for copy in complete for key in copy.keys.values()}
        if chosen is not None and not any(wanted.is_text(key) for key in others):
            return _take(given, chosen.prefix, wanted.tower, path, tower_only=True)
    chosen = _choose(whole.values(), len(wanted.names), weights, path)
    if chosen is None and prefix is None:
        return Weights(dict(given), {}, tower_only=False, notes=())
    names = {name: name for name in wanted.names}
    cut = prefix if chosen is None or prefix is not None else chosen.prefix
    return _take(given, cut or "", names, path, tower_only=False)


def _choose(
    copies: Iterable[Copy], count: int, weights: WeightsChoice | None, path: Path
) -> Copy | None:
    """Return the copy with most names; None where none has a quarter of them."""
    ranked = sorted(copies, key=lambda copy: len(copy.keys), reverse=True)
    large = [copy for copy in ranked if 4 * len(copy.keys) >= count]
    if not large:
        return None
    rivals = [copy for copy in large if copy.shares(large[0], -(-count // 4))]
    if len(rivals) > 1 and weights is not None:
        rivals = [copy for copy in rivals if copy.averaged == (weights == "ema")] or rivals
    if len(rivals) > 1:
        behind = " and ".join(_name(copy.prefix) for copy in rivals)
        ways = " or ".join(f'prefix = "{copy.prefix}"' for copy in rivals)
        averaged = {copy.averaged for copy in rivals}
        ema = ', or weights = "model" or "ema"' if len(averaged) == 2 else ""
        raise RatevalError(
            f"{path}: holds this model's weights {len(rivals)} times: {behind}, and nothing says "
            f"which ones are meant; set {ways}{ema}"
        )
    return rivals[0]


def _take(
    given: State, prefix: str, names: Mapping[str, str], path: Path, *, tower_only: bool
) -> Weights:
    cut = cut_prefix(given, prefix, names)
    twice = next((keys for keys in cut.values() if len(keys) > 1), None)
    if twice is not None:
        raise RatevalError(
            f"{path}: {' and '.join(twice)} are one name without what wrappers put into it, and "
            "nothing says which one is meant; save the right one alone"
        )
    state = {names.get(name, name): given[key] for name, (key,) in cut.items()}
    left_out = {key: value for key, value in given.items() if not key.startswith(prefix)}
    inner = [
        f'"{wrapper}."'
        for wrapper in WRAPPERS
        if any(
            wrapper in key.removeprefix(prefix).split(".") and wrapper not in name.split(".")
            for name, (key,) in cut.items()
        )
    ]
    stripped = [f'"{prefix}"'] if prefix else []
    notes = []
    if stripped or inner:
        notes.append(
            f"{' and '.join((*stripped, *inner))} stripped from {len(state)} names of weights"
        )
    if AVERAGED in left_out:
        count = left_out.pop(AVERAGED)
        notes.append(f"averaged weights, by torch's AveragedModel ({AVERAGED} {count.item()})")
    return Weights(state, left_out, tower_only, tuple(notes))


def _require_prefix(given: State, prefix: str, path: Path) -> None:
    if not any(key.startswith(prefix) for key in given):
        raise RatevalError(
            f'{path}: prefix = "{prefix}": no name of a weight begins with it; they begin with '
            f"{list_some(list_beginnings(given))}: correct it, or leave it out"
        )


def _name(prefix: str) -> str:
    return f'behind "{prefix}"' if prefix else "without a prefix"


def tell_left_out(left_out: Iterable[str], beside: str = "weights") -> tuple[str, ...]:
    """Return the sentence that names what stood beside a model's weights, or its head.

    >>> tell_left_out(["loss.weight"]), tell_left_out([])
    (('1 tensors beside the weights left out: loss.weight',), ())
    """
    names = list(left_out)
    if not names:
        return ()
    return (f"{len(names)} tensors beside the {beside} left out: {list_some(names)}",)
