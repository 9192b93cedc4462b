"""Classes of people's own data: labels as their files name them, and the words of their prompts."""

from __future__ import annotations

import csv
import json
import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path

from rateval.modelkit import list_some, suggest
from rateval_datasets.own.problems import problem, read_text

_UNFIT = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
"""What cannot stand in a prompt; bytes of a folder's name that are no UTF-8 come as surrogates."""
_LARGEST_FILE = 1 << 24
"""Bytes that a file of class names may have."""


def order_classes(
    component: str, found: Collection[str], classes: Sequence[str] | Path | None
) -> tuple[str, ...]:
    """Return the labels in the order of their indices: as ``classes`` lists them, else sorted.

    Numbers are sorted by their value. Raises RatevalError when a photo has another label.
    """
    if classes is None:
        return tuple(sorted(found, key=_by_number if all(map(_is_number, found)) else str))
    listed = _read_list(component, classes) if isinstance(classes, Path) else tuple(classes)
    twice = [label for label, times in Counter(listed).items() if times > 1]
    if twice or not listed:
        what = f"names {list_some(twice)} twice" if twice else "names nothing"
        raise problem(component, f"classes = {_name(classes)}: {what}; name each label once")
    unknown = sorted(set(found) - set(listed))
    if unknown:
        raise problem(
            component,
            f"classes = {_name(classes)}: lacks {list_some(unknown)}, which photos have as label "
            f"({suggest(unknown[0], listed)}); name every label, or take those photos away",
        )
    return listed


def only_label(names: Collection[str], what: str) -> tuple[str | None, str | None]:
    """Return a photo's only label, or why it has none; ``what`` has these names.

    >>> only_label({"mug"}, "labels"), only_label({"mug", "kettle"}, "labels")
    (('mug', None), (None, 'no single label: labels: kettle, mug'))
    """
    if len(names) == 1:
        return next(iter(names)), None
    return None, f"no single label: {what}: {list_some(sorted(names))}"


def label_of_objects(names: Iterable[str]) -> tuple[str | None, str | None]:
    """Return the label of a photo by the classes of its objects, or why it has none.

    >>> label_of_objects(["mug", "mug", "Background"])
    ('mug', None)
    """
    known = {name for name in names if name.lower() != "background"}
    if not known:
        return None, "no label: nothing is on it"
    return only_label(known, "objects of several classes")


def _is_number(label: str) -> bool:
    return label.isascii() and label.isdigit()


def _by_number(label: str) -> tuple[int, str]:
    return int(label), label


def _name(given: object) -> str:
    return str(given) if isinstance(given, Path) else "[…]"


def name_classes(
    component: str, labels: Sequence[str], class_names: Mapping[str, str] | Path | None
) -> tuple[str, ...]:
    """Return the words of each label's prompt: from ``class_names``, else of the label itself.

    There "_" stands for a blank. Raises RatevalError when two labels get the same words, a name is
    none, or a label is named that no photo has.
    """
    given = (
        _read_table(component, class_names)
        if isinstance(class_names, Path)
        else dict(class_names or {})
    )
    unknown = sorted(set(given) - set(labels))
    if unknown:
        hint = suggest(unknown[0], labels)
        raise problem(
            component, f"class_names: no photo has the label {list_some(unknown)}; {hint}"
        )
    names = tuple(given.get(label, label.replace("_", " ")).strip() for label in labels)
    empty = [label for label, name in zip(labels, names, strict=True) if not name]
    if empty:
        raise problem(
            component, f"class_names: the label {list_some(map(repr, empty))} has no name"
        )
    broken = [name for name in names if _UNFIT.search(name)]
    if broken:
        raise problem(
            component,
            f"class_names: the name {list_some(broken)} holds control characters, or bytes that "
            "are no UTF-8; rename the class, or give it another name",
        )
    _require_different(component, labels, names)
    return names


def _require_different(component: str, labels: Sequence[str], names: Sequence[str]) -> None:
    read = [_as_read(name) for name in names]
    counts = Counter(read)
    alike = [at for at, name in enumerate(read) if counts[name] > 1]
    if not alike:
        return
    sources = list_some([labels[at] for at in alike])
    words = list(dict.fromkeys(names[at] for at in alike))
    same = len(words) == len({_as_read(name) for name in words})
    have = "have one name" if same else "have names that tokenizers take for one"
    raise problem(
        component,
        f"class_names: the labels {sources} {have}, {list_some(sorted(words))}, and so equal "
        "prompts; make the names differ",
    )


def _as_read(name: str) -> str:
    """Return a name as tokenizers take it: in small letters, and an umlaut as one character."""
    return unicodedata.normalize("NFC", name).lower()


def _read_list(component: str, path: Path) -> tuple[str, ...]:
    text = read_text(component, "classes", path, _LARGEST_FILE)
    return tuple(line.strip() for line in text.splitlines() if line.strip())


def _read_table(component: str, path: Path) -> dict[str, str]:
    """Read label and name: a JSON object, or lines of ``label,name`` or label, tab, name."""
    text = read_text(component, "class_names", path, _LARGEST_FILE)
    where = f"class_names = {path}"
    if text.lstrip().startswith("{"):
        try:
            found = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise problem(component, f"{where}: is no JSON: {error}") from error
        if not all(isinstance(name, str) for name in found.values()):
            raise problem(component, f"{where}: each value of the JSON object must be a name")
        return dict(found)
    lines = [line for line in text.splitlines() if line.strip()]
    names: dict[str, str] = {}
    for at, row in enumerate(csv.reader(lines, delimiter="\t" if "\t" in text else ","), 1):
        if len(row) != 2:
            raise problem(
                component, f'{where}:{at}: must be "label,name"; put a name with a comma in quotes'
            )
        label = row[0].strip()
        if label in names:
            raise problem(component, f"{where}:{at}: the label {label} stands there twice")
        names[label] = row[1].strip()
    return names
