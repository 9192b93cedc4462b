"""Which pre-trained models there were, and which of each family is shipped."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from figures import FOLDER

FILE = FOLDER / "choice.json"
SCENES = 2000
"""Unbiased scenes of each style that all of them classify."""
SEED = 1000
"""Of these scenes; trainings have smaller ones."""
WEIGHTS = {
    "clip": "open_clip_model.safetensors",
    "albef": "model.safetensors",
    "blip": "model.safetensors",
}
"""The file of each family's weights in its folder."""


@dataclass(frozen=True)
class Candidate:
    """A pre-trained model, and of how many scenes it knows the class without fine-tuning."""

    name: str
    family: str
    digest: str
    """SHA-256 of its weights' file."""
    clean: int
    hard: int


def choose(found: Iterable[Candidate]) -> dict[str, Candidate]:
    """Return, for each family, the one with the most clean scenes right; of equals the first.

    >>> some = [Candidate("a", "clip", "", 7, 5), Candidate("b", "clip", "", 8, 2)]
    >>> choose([*some, Candidate("c", "clip", "", 8, 9)])["clip"].name
    'b'
    """
    best: dict[str, Candidate] = {}
    for one in found:
        if one.family not in best or one.clean > best[one.family].clean:
            best[one.family] = one
    return best


def write(found: Iterable[Candidate], path: Path = FILE) -> None:
    """Write them, a line each."""
    lines = ",\n".join(json.dumps(asdict(one)) for one in found)
    path.write_text(f"[\n{lines}\n]\n", encoding="utf-8")


def add(found: Iterable[Candidate], before: Iterable[Candidate]) -> list[Candidate]:
    """Return what was found with what there was of others, by name, families as they came.

    >>> some = [Candidate("clip-0", "clip", "", 7, 5), Candidate("blip-0", "blip", "", 6, 2)]
    >>> [one.name for one in add([Candidate("clip-1", "clip", "", 8, 9)], some)]
    ['clip-0', 'clip-1', 'blip-0']
    """
    named = {one.name: one for one in (*before, *found)}
    families = list(dict.fromkeys(one.family for one in named.values()))
    return sorted(named.values(), key=lambda one: (families.index(one.family), one.name))


def read(path: Path = FILE) -> list[Candidate]:
    """Read them."""
    return [Candidate(**one) for one in json.loads(path.read_text(encoding="utf-8"))]
