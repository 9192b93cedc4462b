"""ImageNet's classes: WordNet ids in the order of the labels, and what they are called."""

from __future__ import annotations

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
    where = [f"{synsets}: {wnid}" for wnid in wnids]
    if class_names is not None:
        lines = layout.lines(class_names)
        names = tuple(text for _, text in lines)
        where = [f"{class_names}:{at}" for at, _ in lines]
        if len(names) != len(wnids):
            raise layout.error(
                f"class_names = {class_names} names {len(names)} classes of {len(wnids)}: it needs "
                f"one line for each, in the order of {synsets or 'the sorted folders'}"
            )
    if names is None:
        raise layout.error(
            "the classes have no names: give synsets (LOC_synset_mapping.txt) or class_names"
        )
    layout.check_names(names, where, distinct=protocol == "matched")
    return wnids, names


def _read_synsets(
    layout: Layout, path: Path, protocol: Protocol
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    found: dict[str, int] = {}
    names = []
    for at, line in layout.lines(path):
        wnid, *synonyms = line.split(maxsplit=1)
        first = synonyms[0].split(",")[0].strip() if synonyms else ""
        if not first:
            raise layout.wrong(path, at, f'the line "{line}" is not "wnid name, …"')
        if wnid in found:
            raise layout.wrong(path, at, f"{wnid} stands in line {found[wnid]}, too")
        found[wnid] = at
        names.append(DISTINCT.get(wnid, first) if protocol == "matched" else first)
    if not found:
        raise layout.error(f"{path} lists nothing")
    return tuple(found), tuple(names)


def label_folders(
    layout: Layout, where: Path, folders: Sequence[str], wnids: Sequence[str]
) -> dict[str, int]:
    """Return folder of a split to its label. Raises RatevalError for one that is no class."""
    labels = {wnid: label for label, wnid in enumerate(wnids)}
    strangers = [folder for folder in folders if folder not in labels]
    if strangers:
        raise layout.error(f"{where} holds folders that are no class: {list_some(strangers)}")
    return {folder: labels[folder] for folder in folders}
