"""What makes a dataset unfit for a study, and what is only worth knowing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from rateval.inspection.opening import TEST, TRAIN, Opened
from rateval.inspection.reading import Reading
from rateval.inspection.record import (
    Alike,
    Count,
    Duplicates,
    Finding,
    GroupCheck,
    InView,
    Limits,
    SplitCheck,
)
from rateval.wording import list_some, write_count

IMBALANCE = 10
"""How many times as many images the largest class may have as the smallest before it is told."""
_NAMED = {TEST: "test", TRAIN: "training"}


def judge(
    opened: Opened,
    readings: Mapping[str, Reading],
    splits: Sequence[SplitCheck],
    classes: Sequence[Count],
    groups: Sequence[GroupCheck],
    duplicates: Duplicates,
    limits: Limits,
) -> tuple[Finding, ...]:
    """Return what a person should know, that which makes the dataset unfit first."""
    found = [
        *(finding for split in splits for finding in _judge_split(split, limits)),
        *_judge_leaks(duplicates, splits[0].readable, limits),
        # Answers to questions are no classes: which there are is no fault of a split.
        *(() if _asks(readings) else _judge_classes(classes)),
        *_judge_groups(groups),
        *_judge_questions(readings),
        *_judge_ids(readings),
        *_judge_twins(duplicates),
        *(
            finding
            for split in splits
            for finding in _judge_evidence(split, name_unit(readings), limits)
        ),
    ]
    if opened.unused:
        named = list_some(f"{name} ({count:,})" for name, count in opened.unused.items())
        text = f"neither tested nor trained on: {named}"
        found.append(Finding(code="unused", unfit=False, text=text))
    found += [Finding(code="note", unfit=False, text=note) for note in opened.notes]
    return tuple(sorted(found, key=lambda finding: not finding.unfit))


def _asks(readings: Mapping[str, Reading]) -> bool:
    return any(one.asked for reading in readings.values() for one in reading.seen)


def name_unit(readings: Mapping[str, Reading]) -> str:
    """Return what a sample is called: a question where any is asked, and not for a caption."""
    return "question" if _asks(readings) and not _captions(readings) else "image"


def _captions(readings: Mapping[str, Reading]) -> bool:
    return any(one.captioned for reading in readings.values() for one in reading.seen)


def percent(part: float, whole: float) -> float:
    """Return a share in percent; 0 of nothing.

    >>> percent(1, 8), percent(0, 0)
    (12.5, 0.0)
    """
    return 100 * part / whole if whole else 0.0


def _judge_split(split: SplitCheck, limits: Limits) -> Iterator[Finding]:
    name = _NAMED[split.split]
    if not split.samples:
        yield Finding(code=f"no-{split.split}-samples", unfit=True, text=f"no {name} samples")
    elif not split.readable:
        text = f"none of {write_count(split.checked, f'{name} sample')} can be read"
        yield Finding(code="unreadable", unfit=True, text=text)
    elif split.skipped:
        share = percent(split.skipped, split.checked)
        text = (
            f"{split.skipped:,} of {split.checked:,} {name} samples ({share:.1f} %) can't be read "
            "or are left out"
        )
        unfit = share > limits.unreadable
        yield Finding(code="unreadable", unfit=unfit, text=text + _limit(unfit, limits.unreadable))


def _limit(unfit: bool, limit: float) -> str:
    return f", of at most {limit:g} %" if unfit else ""


def _judge_leaks(duplicates: Duplicates, tested: int, limits: Limits) -> Iterator[Finding]:
    if not duplicates.leaked:
        return
    share = percent(duplicates.leaked, tested)
    unfit = share > limits.leaked
    pairs = list_some(map(_name_leak, duplicates.leaks[:3]))
    yield Finding(
        code="leak",
        unfit=unfit,
        text=f"LEAKAGE: {duplicates.leaked:,} of {tested:,} test images ({share:.1f} %) have the "
        f"very pixels of training images{_limit(unfit, limits.leaked)}: {pairs}",
    )


def _name_leak(alike: Alike) -> str:
    return f"{alike.ids[TEST][0]} is {alike.ids[TRAIN][0]}"


def _judge_classes(classes: Sequence[Count]) -> Iterator[Finding]:
    splits = list(classes[0].readable) if classes else []
    if TRAIN in splits:
        for one, other in ((TEST, TRAIN), (TRAIN, TEST)):
            lone = [str(c.name) for c in classes if c.readable[one] and not c.readable[other]]
            if lone:
                text = (
                    f"labels that have {_NAMED[one]} images and no {_NAMED[other]} ones "
                    f"({len(lone)}): {list_some(lone)}"
                )
                yield Finding(code="one-sided-label", unfit=True, text=text)
    empty = [str(c.name) for c in classes if not any(c.readable.values())]
    if empty:
        text = f"classes without an image ({len(empty)}): {list_some(empty)}"
        yield Finding(code="empty-class", unfit=False, text=text)
    for split in splits:
        found = [c for c in classes if c.readable[split]]
        if len(found) < 2:
            continue
        low, high = (
            pick(found, key=lambda c: c.readable[split]) for pick in (min, max)
        )  # used at once
        if high.readable[split] > IMBALANCE * low.readable[split]:
            text = (
                f"{_NAMED[split]} images are uneven: {high.readable[split]:,} of {high.name}, "
                f"{low.readable[split]:,} of {low.name}"
            )
            yield Finding(code="imbalance", unfit=False, text=text)


def _judge_groups(groups: Sequence[GroupCheck]) -> Iterator[Finding]:
    for group in groups:
        if group.in_both and group.kept_together:
            text = (
                f'group_by = "{group.group}": {group.in_both:,} of its values have images on both '
                "sides of the split"
            )
            yield Finding(code="torn-group", unfit=True, text=text)


def _judge_questions(readings: Mapping[str, Reading]) -> Iterator[Finding]:
    """Yield where some samples are asked something and others aren't."""
    if not _asks(readings):
        return
    for split, reading in readings.items():
        bare = [one.id for one in reading.seen if not one.asked]
        if bare:
            lacking = "caption" if _captions(readings) else "question"
            text = (
                f"{_NAMED[split]} samples without a {lacking}: {len(bare):,} of "
                f"{len(reading.seen):,}, such as {list_some(bare[:3])}"
            )
            yield Finding(code="unasked", unfit=True, text=text)


def _judge_ids(readings: Mapping[str, Reading]) -> Iterator[Finding]:
    if TRAIN not in readings:
        return
    tested, trained = (readings[name].ids for name in (TEST, TRAIN))
    if both := sorted(tested & trained):
        text = f"ids that test and training share: {len(both):,}, such as {list_some(both[:3])}"
        yield Finding(code="same-id", unfit=False, text=text)


def _judge_twins(duplicates: Duplicates) -> Iterator[Finding]:
    if duplicates.contradicting:
        first = next(
            alike for alike in (*duplicates.others, *duplicates.leaks) if len(alike.classes) > 1
        )
        ids = [name for found in first.ids.values() for name in found]
        text = (
            f"pictures with several labels: {duplicates.contradicting:,}, such as {list_some(ids)} "
            f"({list_some(first.classes)})"
        )
        yield Finding(code="contradicting-labels", unfit=False, text=text)
    for split, count in ((TEST, duplicates.test), (TRAIN, duplicates.train)):
        if count:
            text = f"{_NAMED[split]} images with a twin of the same pixels in it: {count:,}"
            yield Finding(code="duplicates", unfit=False, text=text)


def _judge_evidence(split: SplitCheck, unit: str, limits: Limits) -> Iterator[Finding]:
    evidence, name = split.evidence, _NAMED[split.split]
    told = [
        ("unknown-evidence", evidence.unknown, "have no mask: they count for accuracy alone"),
        ("empty-evidence", evidence.empty, "have an empty mask: nothing is evidence"),
        ("all-evidence", evidence.everything, "have a mask of the whole image: any map is valid"),
    ]
    for code, count, what in told:
        if count:
            text = f"{count:,} of {write_count(split.readable, f'{name} {unit}')} {what}"
            yield Finding(code=code, unfit=False, text=text)
    for view in evidence.in_views:
        yield from _judge_view(view, f"{name} {unit}", limits, tested=split.split == TEST)


def _judge_view(view: InView, name: str, limits: Limits, *, tested: bool) -> Iterator[Finding]:
    of = f"of {write_count(view.looked_at, name)} with evidence"
    if view.vanished:
        share = percent(view.vanished, view.looked_at)
        unfit = tested and share > limits.vanished
        text = (
            f"{view.view}: nothing is left to see of the evidence of {view.vanished:,} {of} "
            f"({share:.1f} %){_limit(unfit, limits.vanished)}"
        )
        yield Finding(code="vanished", unfit=unfit, text=text)
    if view.cut:
        half = f", half or more of {view.cut_half:,}" if view.cut_half else ""
        text = f"{view.view}: a tenth or more of the evidence is cut off in {view.cut:,} {of}{half}"
        yield Finding(code="cut", unfit=False, text=text)
