"""What COCO's classes are called in a text: a list of our own, or a file of synonyms."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rateval.modelkit import list_some
from rateval_datasets.captions.coco_words import WORDS
from rateval_datasets.own.problems import problem, read_text

_LARGEST_FILE = 1 << 24
"""Bytes that a file of synonyms may have; CHAIR's has a few thousand."""
Wordings = tuple[tuple[str, ...], ...]


def own_wordings(classes: Sequence[str]) -> Wordings:
    """Return rateval's own list for classes; one that it doesn't know is called by its name alone.

    >>> own_wordings(["couch", "unicorn"])
    (('couch', 'sofa', 'loveseat', 'settee'), ('unicorn',))
    """
    return tuple((name, *WORDS.get(name, ())) for name in classes)


def read_wordings(component: str, path: Path, classes: Sequence[str]) -> Wordings:
    """Read a file of synonyms: each class on a line of its own, with all that it is called.

    What stands on several lines belongs to the last of them, as in CHAIR's own code, but a class's
    name to its class. Raises RatevalError when a class has no line, or a line no class.
    """
    where = f"synonyms = {path}"
    if not path.is_file():
        why = "is a folder; give the text file" if path.is_dir() else "no such file"
        raise problem(component, f"{where}: {why}")
    text = read_text(component, "synonyms", path, _LARGEST_FILE)
    said: dict[str, str] = {}
    seen: set[str] = set()
    for number, line in enumerate(text.splitlines(), 1):
        words = [word for part in line.split(",") if (word := " ".join(part.lower().split()))]
        if not words:
            continue
        own = list(dict.fromkeys(word for word in words if word in classes))
        if len(own) != 1:
            what = f"of several classes, {list_some(own)}" if own else "of no class"
            raise problem(
                component,
                f"{where}:{number}: {words[0]:.40} …: is a line {what}; a line names one class of "
                f"{len(classes)} as COCO does, and what else it is called",
            )
        seen.update(own)
        said |= dict.fromkeys(words, own[0])
    if missing := [name for name in classes if name not in seen]:
        raise problem(
            component,
            f"{where}: has no line of {list_some(missing)}; add one for each class, which may hold "
            "its name alone",
        )
    return tuple(
        (name, *(word for word, own in said.items() if own == name and word != name))
        for name in classes
    )
