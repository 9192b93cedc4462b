"""What was found in one split, from what reading it kept."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np

from rateval.inspection.reading import EMPTY, EVERYTHING, SOME, UNKNOWN, Left, Reading, Seen
from rateval.inspection.record import (
    AreaBin,
    Cut,
    Evidence,
    InView,
    Reason,
    Size,
    Sizes,
    SplitCheck,
)

SHOWN = 10
"""Ids that are kept of each kind."""
CUT = 0.1
"""Share of the evidence from which on a crop counts as cutting it."""
EDGES = (0.0, 0.01, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0)
"""Shares of the image between which areas of evidence are counted."""


def summarise_split(reading: Reading, views: Sequence[str]) -> SplitCheck:
    """Return what was found in a split; ``views`` are those that its images were looked at by."""
    return SplitCheck(
        split=reading.split,
        identity=reading.identity,
        samples=reading.whole,
        checked=reading.count,
        readable=len(reading.seen),
        skipped=len(reading.left),
        skipped_for=_group_reasons(reading.left),
        notes=_group_notes(reading.seen),
        evidence=_summarise_evidence(reading.seen, views),
        sizes=_summarise_sizes(reading.seen),
    )


def _group_reasons(left: Iterable[Left]) -> tuple[Reason, ...]:
    groups: dict[tuple[bool, str], list[Left]] = {}
    for one in left:
        groups.setdefault((one.damaged, one.reason.partition(": ")[0]), []).append(one)
    worst = sorted(groups.items(), key=lambda group: (not group[0][0], -len(group[1])))
    return tuple(
        Reason(
            text=text,
            count=len(members),
            ids=_first_ids(members),
            example=members[0].reason.removeprefix(text).removeprefix(": "),
            damaged=damaged,
        )
        for (damaged, text), members in worst
    )


def _group_notes(seen: Iterable[Seen]) -> tuple[Reason, ...]:
    groups: dict[str, list[Seen]] = {}
    for one in seen:
        for note in dict.fromkeys(note.partition(": ")[0] for note in one.notes):
            groups.setdefault(note, []).append(one)
    often = sorted(groups.items(), key=lambda group: -len(group[1]))
    return tuple(
        Reason(text=note, count=len(members), ids=_first_ids(members)) for note, members in often
    )


def _first_ids(members: Iterable[Seen | Left]) -> tuple[str, ...]:
    return tuple(one.id for one, _ in zip(members, range(SHOWN), strict=False))


def _summarise_evidence(seen: Sequence[Seen], views: Sequence[str]) -> Evidence:
    of = {
        state: [one for one in seen if one.evidence == state]
        for state in (UNKNOWN, EMPTY, SOME, EVERYTHING)
    }
    marked = [one for one in seen if one.looks or one.evidence in (SOME, EVERYTHING)]
    return Evidence(
        **{state: len(members) for state, members in of.items()},
        unknown_ids=_first_ids(of[UNKNOWN]),
        empty_ids=_first_ids(of[EMPTY]),
        everything_ids=_first_ids(of[EVERYTHING]),
        areas=count_areas([one.area for one in marked if one.area is not None]),
        in_views=tuple(_summarise_view(name, at, marked) for at, name in enumerate(views)),
    )


def count_areas(areas: Sequence[float]) -> tuple[AreaBin, ...]:
    """Return how many shares of the image, above 0, are in each of the bins.

    >>> [(bin.up_to, bin.count) for bin in count_areas([0.005, 0.05, 1.0]) if bin.count]
    [(0.01, 1), (0.05, 1), (1.0, 1)]
    """
    places = np.searchsorted(EDGES[1:], np.asarray(areas, dtype=np.float64), side="left")
    counts = np.bincount(places, minlength=len(EDGES) - 1)
    return tuple(
        AreaBin(above=low, up_to=high, count=int(count))
        for low, high, count in zip(EDGES, EDGES[1:], counts, strict=False)
    )


def _summarise_view(name: str, at: int, marked: Sequence[Seen]) -> InView:
    vanished = [one for one in marked if one.looks[at][0] == 0]
    lost = [one.looks[at][1] for one in marked]
    worst = sorted((one for one in marked if one.looks[at][1] >= CUT), key=_by_loss(at))[:SHOWN]
    return InView(
        view=name,
        looked_at=len(marked),
        vanished=len(vanished),
        vanished_ids=_first_ids(vanished),
        cut=sum(share >= CUT for share in lost),
        cut_half=sum(share >= 0.5 for share in lost),
        mean_lost=float(np.mean(lost)) if lost else None,
        worst=tuple(
            Cut(id=one.id, lost=one.looks[at][1], width=one.size[0], height=one.size[1])
            for one in worst
        ),
    )


def _by_loss(at: int) -> Callable[[Seen], float]:
    return lambda one: -one.looks[at][1]


def _summarise_sizes(seen: Sequence[Seen]) -> Sizes | None:
    if not seen:
        return None
    return Sizes(
        smallest=_size(min(seen, key=_pixels)),
        largest=_size(max(seen, key=_pixels)),
        longest=_size(max(seen, key=lambda one: max(one.size) / min(one.size))),
        distinct=len({one.size for one in seen}),
    )


def _pixels(one: Seen) -> int:
    return one.size[0] * one.size[1]


def _size(one: Seen) -> Size:
    return Size(id=one.id, width=one.size[0], height=one.size[1])
