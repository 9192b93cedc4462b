"""A dataset made for being looked over, with what its reader says of it besides its samples."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from rateval.api.component import Context
from rateval.api.protocols import Split
from rateval.data.splits import limit_split
from rateval.errors import RatevalError
from rateval.plan.cells import Choice
from rateval.plan.seeds import object_seed
from rateval.workbench.build import build, check_handed_over

TEST, TRAIN = "test", "train"


@dataclass(frozen=True, slots=True)
class Opened:
    """A dataset whose samples can be read, each checked as a study checks it."""

    label: str
    component: str
    classes: tuple[str, ...]
    splits: Mapping[str, Split]
    """``test``, and ``train`` where there is one; narrowed to the limit."""
    whole: Mapping[str, int]
    """Samples of each split before it was narrowed."""
    unused: Mapping[str, int]
    """Name of a split that is neither tested nor trained on to its number of samples."""
    notes: tuple[str, ...]
    """What its reader says that a person should look at."""
    group_by: str | None
    """The column whose values must be on one side of the split."""


def open_all(
    choices: Sequence[Choice], context: Context, *, seed: int, limit: int | None = None
) -> list[Opened]:
    """Make datasets. Raises RatevalError with what is wrong with each that can't be made."""
    opened, wrong = [], []
    for choice in choices:
        try:
            opened.append(_open(choice, context, seed, limit))
        except RatevalError as error:
            # Readers name their component, and a spec may hold several of it.
            wrong.append(f"{choice.label}: {error}" if len(choices) > 1 else str(error))
    if wrong:
        raise RatevalError("\n".join(wrong))
    return opened


def _open(choice: Choice, context: Context, seed: int, limit: int | None) -> Opened:
    own = object_seed(choice, seed)
    made = build(choice, replace(context, seed=own or 0))
    checked = check_handed_over(choice, made, own)
    found = {TEST: checked.test, TRAIN: checked.train}
    splits = {name: split for name, split in found.items() if split is not None}
    return Opened(
        label=choice.label,
        component=choice.registered.component.name,
        classes=checked.classes,
        splits={name: limit_split(split, limit) for name, split in splits.items()},
        whole={name: len(split) for name, split in splits.items()},
        unused=dict(_read_unused(made)),
        notes=tuple(_read_notes(made)),
        group_by=getattr(choice.params, "group_by", None),
    )


def _read_unused(made: Any) -> Iterator[tuple[str, int]]:
    # A dataset need not have it: no protocol asks for it.
    unused = getattr(made, "unused", None)
    if isinstance(unused, Mapping):
        for name, count in unused.items():
            yield str(name), int(count)


def _read_notes(made: Any) -> Iterator[str]:
    notes = getattr(made, "notes", None)
    if isinstance(notes, list | tuple):
        yield from map(str, notes)
