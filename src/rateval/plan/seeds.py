"""Which objects depend on a study's seed, and by which seed each is made: the rules alone.

An object depends on it when its component says so and its params hold no seed of their own. What
depends on no seed is made once, and its seed is None: any one would give the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from rateval.api.component import Component
    from rateval.api.params import Params


class Choice(Protocol):
    """What the rules know of a choice."""

    @property
    def label(self) -> str:
        """Its name in messages."""
        ...

    @property
    def seeded(self) -> bool:
        """Whether its object depends on the study's seed."""
        ...


def depends_on_seed(component: Component, params: Params) -> bool:
    """Return whether an object depends on the study's seed; a seed of its own goes first."""
    return component.seeded and getattr(params, "seed", None) is None


def seeds_of(choices: Iterable[Choice], seeds: Sequence[int]) -> tuple[int | None, ...]:
    """Return the seeds by which that is done which is made of ``choices``.

    >>> from types import SimpleNamespace as Choice
    >>> model, training = Choice(seeded=False), Choice(seeded=True)
    >>> seeds_of([model, training], [4, 2]), seeds_of([model], [4, 2])
    ((4, 2), (None,))
    """
    return tuple(seeds) if any(choice.seeded for choice in choices) else (None,)


def object_seed(choice: Choice, seed: int | None) -> int | None:
    """Return the seed that tells the object of a choice from its others; None if it has none.

    Raises ValueError when the object depends on the seed, and ``seed`` is None.

    >>> from types import SimpleNamespace as Choice
    >>> object_seed(Choice(seeded=True), 4), object_seed(Choice(seeded=False), 4)
    (4, None)
    """
    if not choice.seeded:
        return None
    if seed is None:
        raise ValueError(f'"{choice.label}" depends on the seed, and none is given')
    return seed


def factory_seed(choice: Choice, seed: int | None) -> int:
    """Return the seed that a factory is given: 0 where the object doesn't depend on it.

    Raises ValueError like ``object_seed``.

    >>> from types import SimpleNamespace as Choice
    >>> factory_seed(Choice(seeded=True), 4), factory_seed(Choice(seeded=False), 4)
    (4, 0)
    """
    return object_seed(choice, seed) or 0


def some_seed(seed: int | None, seeds: Sequence[int]) -> int:
    """Return the seed of a cell, or the study's first one where the cell depends on none.

    It is for what is made beside a cell, and may depend on a seed where nothing of the cell does.

    >>> some_seed(2, [4, 2]), some_seed(None, [4, 2])
    (2, 4)
    """
    return seeds[0] if seed is None else seed


def note_seed(seed: int | None, *, several: bool) -> str:
    """Return what follows a label; nothing where the study has one seed, or none matters.

    >>> note_seed(2, several=True), note_seed(2, several=False), note_seed(None, several=True)
    (', seed 2', '', '')
    """
    return f", seed {seed}" if several and seed is not None else ""
