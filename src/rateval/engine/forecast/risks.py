"""What may go wrong with a run, each in one line with what to do."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

from rateval.engine.forecast.forecast import Measured
from rateval.engine.forecast.looking import Rows
from rateval.engine.forecast.masks import MaskCount
from rateval.engine.forecast.wording import format_bytes, format_seconds
from rateval.machine.readers import count_cores
from rateval.stats.power import Supposed, least_difference

_MANY = 100
"""Classes above which a row is mostly probabilities."""
_TIGHT = 0.9
"""Share of a disk, or of memory, above which little can be said for sure."""


def warn_of_masks(found: Mapping[str, MaskCount]) -> Iterator[str]:
    """Yield what is lacking in the masks of each dataset's test split, by its label."""
    for label, masks in found.items():
        if not masks.lacking:
            continue
        of = f"of {masks.read:,} test images"
        if masks.read < masks.whole:
            of = f"of the {masks.read:,} test images that were looked at ({masks.whole:,} in all)"
        say = "all" if masks.lacking == masks.read else f"{masks.lacking:,}"
        yield (
            f'dataset "{label}": {say} {of} have no mask; nothing is known of what their '
            "predictions rest on, and PT leaves them out: give masks, or count by accuracy"
        )


def warn_of_classes(found: Mapping[str, Rows]) -> Iterator[str]:
    """Yield where rows are mostly probabilities, by the labels of the datasets."""
    for label, stored in found.items():
        if stored.classes > _MANY and stored.rows:
            yield (
                f'dataset "{label}": {stored.classes:,} classes: {format_bytes(stored.each)} of '
                f"probabilities in every row, {format_bytes(stored.each * stored.rows)} over "
                f"{stored.rows:,} rows; a lower run.limit keeps fewer"
            )


def warn_of_disk(needed: int, unfinished: int, free: int, output: str) -> Iterator[str]:
    """Yield whether the disk is too small for what would be stored."""
    if needed + unfinished > _TIGHT * free:
        besides = f" and {format_bytes(unfinished)} while training" if unfinished else ""
        yield (
            f"{output}: {format_bytes(needed)} would be stored{besides}, and "
            f"{format_bytes(free)} are free; make room, or choose another folder with --output"
        )


def warn_of_memory(measured: Measured) -> Iterator[str]:
    """Yield whether the workers' models don't fit into memory together."""
    if not measured.peaks or measured.available is None:
        return
    peak = max(measured.peaks, key=lambda one: one.bytes)
    beside = measured.workers
    if measured.devices is not None:
        beside = math.ceil(measured.workers / measured.devices)
    if peak.bytes * beside > _TIGHT * measured.available:
        fit = max(0, int(_TIGHT * measured.available / peak.bytes))
        mend = f"use {fit} workers, or " if 0 < fit < beside else ""
        yield (
            f'model "{peak.model}" holds {format_bytes(peak.bytes)} to {peak.doing}, '
            f"{beside} times at once: more than the {format_bytes(measured.available)} that are "
            f"free; {mend}set a smaller run.batch_size, or take a larger machine"
        )


def warn_of_cores(measured: Measured) -> Iterator[str]:
    """Yield whether workers would slow each other down, which no trial of one worker shows."""
    cores, wanted = count_cores(), measured.workers * measured.threads
    if measured.devices is None and measured.workers > 1 and wanted > cores:
        yield (
            f"{measured.workers} workers with {measured.threads} threads each share {cores} "
            f"cores and slow each other down; set OMP_NUM_THREADS="
            f"{max(1, cores // measured.workers)}, or use fewer workers"
        )


def warn_of_longest(measured: Measured) -> Iterator[str]:
    """Yield whether one step alone takes longer than each worker's share of the work."""
    share = measured.work / measured.workers
    if measured.workers > 1 and measured.longest_seconds > share:
        yield (
            f"{measured.longest} takes {format_seconds(measured.longest_seconds)} and cannot be "
            f"spread, where each of {measured.workers} workers has {format_seconds(share)} of work;"
            f" {max(1, math.ceil(measured.work / measured.longest_seconds))} are as quick"
        )


def warn_of_few(images: Mapping[str, int], level: float) -> Iterator[str]:
    """Yield how small a difference in PT the smallest of the tests can show."""
    if not images:
        return
    label, count = min(images.items(), key=lambda one: one[1])
    least = least_difference(Supposed(0.5, 0.5), count, level=level)
    shown = "no difference in PT" if least is None else f"no fall in PT below {100 * least:.1f}"
    points = "" if least is None else " points"
    yield (
        f'dataset "{label}": its {count:,} test images show {shown}{points} (PT of 50 %, all '
        f"correct, {level:.0%} interval, power 80 %); rateval power answers for other values"
    )


def warn_of_failures(failed: Mapping[str, str]) -> Iterator[str]:
    """Yield what could not be tried, by why and the first that it stopped."""
    for why, label in failed.items():
        yield f"{label}: could not be tried: {why}"
