"""Images edited to tell whether an answer hangs on the object: put elsewhere, and filled in."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Literal

import torch

from rateval.data.batches import Batch
from rateval.modelkit.filling import Filling, View, grow
from rateval.modelkit.swapping import put_objects
from rateval.store.rows import EMPTY_MASK, NO_MASK
from rateval.workbench.cell import Job
from rateval.workbench.donors import Donors

FULL_MASK, NO_DONOR = "mask of the whole view", "no image that lends a background"
"""Why nothing is known of an image, beside what verdicts name."""


@dataclass(frozen=True, slots=True)
class Edits:
    """What ``[counterfactual]`` says of the edited images."""

    donors: int
    """Backgrounds that each object is put on."""
    background: Literal["swap", "grey", "blur"]
    """``swap``, or what a background is filled with in place of other images' ones."""
    object: Filling
    """What the object is filled with."""


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """A batch, and what can be said of it before anything is predicted."""

    batch: Batch
    reasons: tuple[str, ...]
    """Per image why nothing can be known of it, empty where something can."""
    chosen: tuple[tuple[int, ...], ...]
    """Per image the positions of its donors."""
    rectangles: int
    """Images of which something can be known whose mask is a rectangle."""
    removed: torch.Tensor
    """(B, 3, H, W) the images without their objects."""

    @property
    def nbytes(self) -> int:
        """Bytes that it takes in memory."""
        return self.batch.nbytes + self.removed.nbytes


def prepare_ahead(
    job: Job,
    edits: Edits,
    donors: Donors,
    view: View,
    part: range,
    batches: Iterable[Batch] | None = None,
) -> Iterator[Prepared]:
    """Yield the batches of a part of the test split.

    ``batches`` are those of the part, with masks, where they are at hand; else they are read.
    Objects of the next one are removed while one is used.
    """
    with ThreadPoolExecutor(max(1, job.readers), thread_name_prefix="rateval-edits") as pool:
        waiting: Prepared | None = None
        removing: list[Future[torch.Tensor]] = []
        for batch in job.batches(part, masks=True) if batches is None else batches:
            reasons, chosen = _choose(batch, edits, donors)
            started = _remove(pool, view, batch, reasons, edits.object)
            if waiting is not None:
                yield replace(waiting, removed=_collect(waiting.batch, removing))
            rectangles = _count_rectangles(batch, reasons)
            waiting = Prepared(batch, reasons, chosen, rectangles, batch.images)
            removing = started
        if waiting is not None:
            yield replace(waiting, removed=_collect(waiting.batch, removing))


def _choose(
    batch: Batch, edits: Edits, donors: Donors
) -> tuple[tuple[str, ...], tuple[tuple[int, ...], ...]]:
    assert batch.masks is not None
    reasons, chosen = [], []
    whole = batch.masks.flatten(1)
    for at, (has, any_, all_) in enumerate(
        zip(batch.has_mask, whole.any(1).tolist(), whole.all(1).tolist(), strict=True)
    ):
        found: list[int] = []
        reason = NO_MASK if not has else EMPTY_MASK if not any_ else FULL_MASK if all_ else ""
        if not reason and edits.background == "swap":
            found = donors.draw(batch.ids[at], int(batch.labels[at]), edits.donors)
            reason = "" if found else NO_DONOR
        reasons.append(reason)
        chosen.append(tuple(found))
    return tuple(reasons), tuple(chosen)


def _count_rectangles(batch: Batch, reasons: Sequence[str]) -> int:
    assert batch.masks is not None
    able = [at for at, reason in enumerate(reasons) if not reason]
    return int(are_rectangles(batch.masks[able]).sum()) if able else 0


def are_rectangles(masks: torch.Tensor) -> torch.Tensor:
    """Return which masks (B, H, W) bool fill all of their rows and columns that have a pixel.

    >>> box = torch.zeros(2, 4, 4, dtype=torch.bool)
    >>> box[:, 1:3, :2] = True
    >>> box[1, 1, 1] = False
    >>> are_rectangles(box).tolist()
    [True, False]
    """
    rows, columns = (masks.any(dim=dim).sum(dim=1) for dim in (2, 1))
    return masks.sum(dim=(1, 2)) == rows * columns


def _remove(
    pool: ThreadPoolExecutor, view: View, batch: Batch, reasons: Sequence[str], filling: Filling
) -> list[Future[torch.Tensor]]:
    assert batch.masks is not None
    regions = grow(batch.masks) if len(batch) else batch.masks
    return [
        pool.submit(view.fill_one, batch.images[at], regions[at], filling)
        for at, reason in enumerate(reasons)
        if not reason
    ]


def _collect(batch: Batch, removing: Sequence[Future[torch.Tensor]]) -> torch.Tensor:
    """Return the images without their objects, of those that have one."""
    done = [future.result() for future in removing]
    return torch.stack(done) if done else batch.images[:0]


def put_on_backgrounds(
    batch: Batch,
    able: Sequence[int],
    edits: Edits,
    donors: Donors,
    view: View,
    chosen: Sequence[Sequence[int]],
) -> Iterator[tuple[list[int], torch.Tensor]]:
    """Yield the objects on other backgrounds: positions in the batch, and their images."""
    assert batch.masks is not None
    if edits.background != "swap":
        if able:
            yield list(able), view.fill(batch.images[able], ~batch.masks[able], edits.background)
        return
    for version in range(edits.donors):
        at = [position for position in able if len(chosen[position]) > version]
        if at:
            lent = donors.backgrounds[[chosen[position][version] for position in at]]
            yield at, put_objects(batch.images[at], batch.masks[at], lent)
