"""Samples by class and by group, in each split."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from rateval.inspection.opening import TEST, TRAIN
from rateval.inspection.reading import Reading
from rateval.inspection.record import Count, GroupCheck


def count_classes(classes: Sequence[str], readings: Mapping[str, Reading]) -> tuple[Count, ...]:
    """Return the samples of each class, in the order of the labels.

    Those left out count where the split lists their label, and never as readable.
    """
    all_of = {name: Counter(reading.known_labels) for name, reading in readings.items()}
    readable = {
        name: Counter(one.label for one in reading.seen) for name, reading in readings.items()
    }
    return tuple(
        Count(
            name=class_name,
            counts={name: counter[label] for name, counter in all_of.items()},
            readable={name: counter[label] for name, counter in readable.items()},
        )
        for label, class_name in enumerate(classes)
    )


def count_groups(readings: Mapping[str, Reading], group_by: str | None) -> tuple[GroupCheck, ...]:
    """Return each column of groups with its values, those of most samples first."""
    columns = dict.fromkeys(name for reading in readings.values() for name in reading.groups)
    return tuple(_count_group(column, readings, group_by) for column in columns)


def _count_group(column: str, readings: Mapping[str, Reading], group_by: str | None) -> GroupCheck:
    every, readable = {}, {}
    for name, reading in readings.items():
        values = reading.groups.get(column)
        of = [(one.at, True) for one in reading.seen] + [(one.at, False) for one in reading.left]
        found = [(None if values is None else values[at], read) for at, read in of]
        every[name] = Counter(value for value, _ in found)
        readable[name] = Counter(value for value, read in found if read)
    names = {value: sum(c[value] for c in every.values()) for c in every.values() for value in c}
    # What is not known stands last.
    order = sorted(names, key=lambda value: (value is None, -names[value], value or ""))
    both = [
        value
        for value in names
        if value is not None
        and {TEST, TRAIN} <= every.keys()
        and all(every[split][value] for split in (TEST, TRAIN))
    ]
    return GroupCheck(
        group=column,
        values=tuple(
            Count(
                name=value,
                counts={name: counter[value] for name, counter in every.items()},
                readable={name: counter[value] for name, counter in readable.items()},
            )
            for value in order
        ),
        in_both=len(both),
        kept_together=column == group_by,
    )
