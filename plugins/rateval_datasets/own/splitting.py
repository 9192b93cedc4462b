"""Splits of people's own data: as their files say, by lists, or drawn by digest and class."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

from rateval.modelkit import list_some
from rateval_datasets.own.problems import find_meant, problem, read_text
from rateval_datasets.own.rows import Photo

_ALIASES = {
    "training": "train",
    "valid": "val",
    "validation": "val",
    "dev": "val",
    "testing": "test",
}
SPLITS = frozenset({"train", "val", "test", *_ALIASES})
"""Names of folders and values of columns that are known to be splits, in lower case."""
_LARGEST_LIST = 1 << 28
_TEXT = "rateval splits"
"""Beginning of everything that is digested: with another one, other photos would be drawn."""


def usual_name(split: str) -> str:
    """Return the usual name of a split.

    >>> usual_name("Validation"), usual_name("holdout")
    ('val', 'holdout')
    """
    return _ALIASES.get(split.lower(), split.lower() if split.lower() in SPLITS else split)


def divide(
    photos: Sequence[Photo],
    split: Mapping[str, float] | Mapping[str, Path] | None,
    *,
    component: str,
    group_by: str | None,
    seed: int,
) -> list[Photo]:
    """Return the photos, each in the split that it belongs to.

    ``split`` holds shares or list files; with None it is the split that the photo has already.
    With ``group_by`` photos of one value of that group stay together. Raises RatevalError where
    that can't be done.
    """
    if group_by is not None:
        _require_group(photos, group_by, component)
    if split is None:
        found = [
            photo if photo.split is None else replace(photo, split=usual_name(photo.split))
            for photo in photos
        ]
    else:
        already = sorted({photo.split for photo in photos if photo.split is not None})
        if already:
            raise problem(
                component,
                f"split: the photos are divided already, into {list_some(already)}; leave out split"
                ", or what divides them",
            )
        shares = {name: share for name, share in split.items() if not isinstance(share, Path)}
        lists = {name: path for name, path in split.items() if isinstance(path, Path)}
        if lists:
            found = _by_lists(photos, lists, component)
        else:
            found = _by_shares(photos, shares, group_by, seed)
    if group_by is not None:
        _require_together(found, group_by, component)
    return found


def _require_group(photos: Sequence[Photo], column: str, component: str) -> None:
    if not any(column in photo.groups for photo in photos):
        there = sorted({name for photo in photos for name in photo.groups})
        hint = find_meant(column, there) if there else "there is none"
        raise problem(component, f'group_by = "{column}": no such column; {hint}')


def _by_lists(photos: Sequence[Photo], lists: Mapping[str, Path], component: str) -> list[Photo]:
    by_name: dict[str, str] = {}
    for photo in photos:
        by_name[photo.id] = photo.id
        by_name.setdefault(str(PurePosixPath(photo.id).with_suffix("")), photo.id)
    places: dict[str, tuple[str, str]] = {}
    for split, path in lists.items():
        for at, line in _lines(path, split, component):
            where = f"split: {path}:{at}"
            name = by_name.get(line.replace("\\", "/").removeprefix("./"))
            if name is None:
                raise problem(
                    component,
                    f"{where}: {line} is no photo; write ids, such as {photos[0].id}, one a line",
                )
            if name in places and places[name][0] != split:
                raise problem(component, f"{where}: {line} is in {places[name][1]}, too")
            places[name] = (split, f"{path}:{at}")
    return [replace(p, split=places[p.id][0] if p.id in places else None) for p in photos]


def _lines(path: Path, split: str, component: str) -> list[tuple[int, str]]:
    text = read_text(component, f"split.{split}", path, _LARGEST_LIST)
    lines = [(at, line.strip()) for at, line in enumerate(text.splitlines(), 1) if line.strip()]
    if not lines:
        raise problem(component, f"split.{split} = {path}: lists nothing")
    return lines


def _by_shares(
    photos: Sequence[Photo], shares: Mapping[str, float], group_by: str | None, seed: int
) -> list[Photo]:
    """Draw whole units, each a photo or a group, so that every class is shared out alike.

    Units go by their digest, the larger ones first, each to the split that then lacks most of what
    it holds. So a photo's place depends on its class's photos, never on their order.
    """
    units: dict[tuple[str, str], list[int]] = defaultdict(list)
    for at, photo in enumerate(photos):
        value = None if group_by is None else photo.groups.get(group_by)
        units[("photo", photo.id) if value is None else ("group", value)].append(at)
    total = Counter(photo.label for photo in photos)
    lacking = {
        name: {label: share * count for label, count in total.items()}
        for name, share in shares.items()
    }
    placed: list[str] = [""] * len(photos)
    ordered = sorted(
        units.items(),
        key=lambda unit: (-len(unit[1]), _digest(f"{seed} {unit[0][0]} {unit[0][1]}")),
    )
    for _, members in ordered:
        holds = Counter(photos[at].label for at in members)
        name = max(lacking, key=lambda one: sum(lacking[one][k] * n for k, n in holds.items()))
        for at in members:
            placed[at] = name
            lacking[name][photos[at].label] -= 1
    return [replace(photo, split=name) for photo, name in zip(photos, placed, strict=True)]


def _digest(text: str) -> bytes:
    return hashlib.sha256(f"{_TEXT} {text}".encode("utf-8", "surrogatepass")).digest()


def _require_together(photos: Iterable[Photo], column: str, component: str) -> None:
    places: dict[str, set[str]] = defaultdict(set)
    for photo in photos:
        value = photo.groups.get(column)
        if value is not None and photo.split is not None:
            places[value].add(photo.split)
    torn = sorted(value for value, splits in places.items() if len(splits) > 1)
    if torn:
        splits = sorted(places[torn[0]])
        raise problem(
            component,
            f'group_by = "{column}": {len(torn)} of {len(places)} values are in several splits, '
            f"such as {torn[0]} in {list_some(splits)}; divide the photos by split = {{ … }}, or "
            "mend what divides them",
        )
