"""One score by class and by area of cells that differ in their seed only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from rateval.records.scores.classes import AreaRecord, ClassesRecord
from rateval.scoring.comparing import Comparer
from rateval.scoring.images import Images
from rateval.scoring.judged import Judged
from rateval.scoring.slices.by_area import slice_by_area
from rateval.scoring.slices.by_class import slice_seeds_by_class
from rateval.scoring.units.sharing import share_images

if TYPE_CHECKING:
    from numpy.typing import NDArray

Slices = tuple[ClassesRecord | None, tuple[AreaRecord, ...]]


def slice_seeds(
    comparer: Comparer, repeated: Sequence[Judged], validator: int, metric: int
) -> Slices:
    """Return a score by class and by area over seeds; nothing below two that have it.

    By area also nothing where the masks of the seeds' images differ.
    """
    read = [comparer.images.read(done, validator) for done in repeated]
    there = [one for one in read if one is not None and one.tables[metric] is not None]
    if len(there) < 2:
        return None, ()
    names, level = comparer.images.classes(repeated[0]), comparer.level
    shared = len({comparer.images.test(done) for done in repeated}) == 1
    shared = shared and there[0].sums is None  # units of one seed are not those of another
    if shared:
        there = [_among(one, which) for one, which in zip(there, share_images(there), strict=True)]
    ratios = [ratio for one in there if (ratio := one.ratio(metric)) is not None]
    labels, areas = [one.labels for one in there], [one.areas for one in there]
    same = shared and all(np.array_equal(areas[0], other, equal_nan=True) for other in areas)
    return (
        slice_seeds_by_class(ratios, labels, names, level, shared=shared),
        tuple(slice_by_area(ratios, areas[0], level)) if same else (),
    )


def _among(images: Images, chosen: NDArray[np.bool_]) -> Images:
    if chosen.all():
        return images
    return replace(
        images,
        positions=images.positions[chosen],
        states=images.states[chosen],
        labels=images.labels[chosen],
        areas=images.areas[chosen],
        cluster=None if images.cluster is None else images.cluster[chosen],
    )
