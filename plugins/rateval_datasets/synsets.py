"""ImageNet's classes: WordNet ids in the order of the labels, and what they are called."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

from rateval.modelkit import list_some
from rateval_datasets.layout import Layout

DISTINCT = {
    "n02012849": "crane bird",
    "n03126707": "construction crane",
    "n03710721": "tank suit",
}
"""Names of the classes whose first name another class has, too ("crane", "maillot")."""

Protocol = Literal["matched", "aaai25"]


def read_classes(
    layout: Layout,
    *,
    synsets: Path | None,
    class_names: Path | None,
    folders: Callable[[], Sequence[str]],
    protocol: Protocol,
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return WordNet ids and names of the classes.

    ``folders`` lists the ids where there is no file ``synsets``. Raises RatevalError when names are
    missing, too few, too many or, unless as published, given twice.
    """
    if synsets is None:
        wnids, names = tuple(folders()), None
    else:
        wnids, names = _read_synsets(layout, synsets, protocol)
    if class_names is not None:
        names = tuple(layout.lines(class_names))
        if len(names) != len(wnids):
            raise layout.error(
                f"class_names = {class_names} names {len(names)} classes of {len(wnids)}: it needs "
                f"one line for each, in the order of {synsets or 'the sorted folders'}"
            )
    if names is None:
        raise layout.error(
            "the classes have no names: give synsets (LOC_synset_mapping.txt) or class_names"
        )
    for what, values in (("WordNet ids", wnids), ("class names", names)):
        twice = [value for value, count in Counter(values).items() if count > 1]
        if twice and (what != "class names" or protocol == "matched"):
            raise layout.error(f"{what} occur twice: {list_some(twice)}; make them differ")
    return wnids, names


def _read_synsets(
    layout: Layout, path: Path, protocol: Protocol
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    wnids, names = [], []
    for line in layout.lines(path):
        wnid, _, synonyms = line.partition(" ")
        first = synonyms.split(",")[0].strip()
        if not first:
            raise layout.error(f'{path}: the line "{line}" is not "wnid name, …"')
        wnids.append(wnid)
        names.append(DISTINCT.get(wnid, first) if protocol == "matched" else first)
    return tuple(wnids), tuple(names)


def label_folders(
    layout: Layout, where: Path, folders: Sequence[str], wnids: Sequence[str]
) -> dict[str, int]:
    """Return folder of a split to its label. Raises RatevalError for one that is no class."""
    labels = {wnid: label for label, wnid in enumerate(wnids)}
    strangers = [folder for folder in folders if folder not in labels]
    if strangers:
        raise layout.error(f"{where} holds folders that are no class: {list_some(strangers)}")
    return {folder: labels[folder] for folder in folders}
