"""What divides photos, as far as their files say it, and what is asked where they don't."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rateval.modelkit import Clues, list_some
from rateval_datasets.own.splitting import SPLITS, usual_name

_LISTS = ("train", "val", "test")


@dataclass(frozen=True, slots=True)
class Division:
    """How a spec divides photos."""

    params: Mapping[str, Any] = field(default_factory=dict)
    fill: Mapping[str, Any] = field(default_factory=dict)
    """Params that a person may fill in."""
    unknown: tuple[str, ...] = ()
    """What is asked."""


def find_division(
    ids: Sequence[str], splits: Sequence[str | None], folders: Sequence[Path], clues: Clues
) -> Division:
    """Return how photos are divided: by the splits that they are in, else by lists of ids.

    ``splits`` has one for each photo. Lists are looked for in ``folders``.
    """
    named = Counter(usual_name(split) for split in splits if split is not None)
    if named:
        return _by_names(named, trained=clues.checkpoint is not None)
    lists = {
        name: str(file)
        for name in _LISTS
        for folder in folders
        if (file := folder / f"{name}.txt").is_file() and _lists(file, ids)
    }
    if {"test", "val"} & lists.keys():
        return Division({"split": lists})
    if clues.checkpoint is None:
        return Division(
            fill={"split": {"test": 0.3}},
            unknown=(
                "the splits: no folder and no list divides the photos, so that all are for "
                "testing; to train, divide them by split = { test = 0.3 }",
            ),
        )
    return Division(
        fill={"split": {"test": "test.txt"}},
        unknown=(
            "which photos the checkpoint was trained on: no folder and no list says it, so that "
            "all are for testing, and on those that it has seen it looks better than it is; name "
            'the others in a list of ids, split = { test = "test.txt" }',
        ),
    )


def _by_names(named: Mapping[str, int], *, trained: bool) -> Division:
    """Return the split to test on where the names of splits don't tell it.

    What is for training alone is divided; ``trained`` says whether something was trained on it.
    """
    usual = [name for name in ("test", "val") if name in named]
    if usual:
        # Names beside the usual ones are refused where none is chosen.
        return Division({} if SPLITS.issuperset(named) else {"test_split": usual[0]})
    if named.keys() == {"train"}:
        seen = "the checkpoint may have seen, so that it looks better than it is; give others"
        return Division(
            {"split": {"test": 0.3}},
            unknown=(
                "the photos to test on: there are those of train alone, of which split draws 30 %"
                + (f", which {seen}" if trained else "; give others where you have them"),
            ),
        )
    return Division(
        {"test_split": next(iter(named))},
        unknown=(
            f"the photos to test on: {list_some(named)} is no name for them, and "
            f"{'is' if len(named) == 1 else 'the first is'} taken; test_split names another",
        ),
    )


def _lists(file: Path, ids: Sequence[str]) -> bool:
    names = {*ids} | {name.rpartition(".")[0] for name in ids}
    try:
        with file.open(encoding="utf-8-sig") as lines:
            first = next((line.strip() for line in lines if line.strip()), "")
    except (OSError, UnicodeDecodeError):
        return False
    return first.replace("\\", "/").removeprefix("./") in names
