"""Images of the very same pixels, within a split and across both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rateval.inspection.opening import TEST, TRAIN
from rateval.inspection.reading import Reading, Seen
from rateval.inspection.record import Alike, Duplicates

SHOWN = 10
"""Pictures that are kept of each kind, and ids of each of them."""

_Members = dict[str, list[Seen]]
"""Split to its images of one picture."""


def find_duplicates(classes: Sequence[str], readings: Mapping[str, Reading]) -> Duplicates:
    """Return which images show the same picture, by the digest of their decoded pixels.

    Within a split, and where labels differ, several questions about one picture are no twins.
    """
    first: dict[bytes, tuple[str, Seen]] = {}
    alike: dict[bytes, _Members] = {}
    for split, reading in readings.items():
        for one in reading.seen:
            if one.pixels not in first:
                first[one.pixels] = (split, one)
                continue
            earlier_split, earlier = first[one.pixels]
            members = alike.setdefault(one.pixels, {earlier_split: [earlier]})
            members.setdefault(split, []).append(one)
    pictures = list(alike.values())
    across = [members for members in pictures if {TEST, TRAIN} <= members.keys()]
    same = [part for members in pictures for part in _split_by_question(members)]
    within = [members for members in same if any(len(m) > 1 for m in members.values())]
    for found in (across, within):
        found.sort(key=lambda members: not _contradicts(members))
    return Duplicates(
        test=_count_within(same, TEST),
        train=_count_within(same, TRAIN) if TRAIN in readings else None,
        leaked=sum(len(members[TEST]) for members in across),
        contradicting=sum(map(_contradicts, same)),
        leaks=tuple(_show(members, classes) for members in across[:SHOWN]),
        others=tuple(_show(members, classes) for members in within[:SHOWN]),
    )


def _split_by_question(members: _Members) -> list[_Members]:
    parts: dict[bytes, _Members] = {}
    for split, found in members.items():
        for one in found:
            parts.setdefault(one.asked, {}).setdefault(split, []).append(one)
    return list(parts.values())


def _count_within(pictures: Sequence[_Members], split: str) -> int:
    sizes = (len(members.get(split, ())) for members in pictures)
    return sum(size for size in sizes if size > 1)


def _labels(members: _Members) -> list[int]:
    return sorted({one.label for found in members.values() for one in found})


def _contradicts(members: _Members) -> bool:
    return len(_labels(members)) > 1


def _show(members: _Members, classes: Sequence[str]) -> Alike:
    return Alike(
        ids={split: tuple(one.id for one in found[:SHOWN]) for split, found in members.items()},
        classes=tuple(classes[label] for label in _labels(members)),
    )
