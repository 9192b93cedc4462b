"""Batches of tensors made from a split, prepared ahead of the model by threads."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import chain, islice, pairwise

import torch

from rateval.api.protocols import Explained, Shift, Split
from rateval.api.values import Asked, Depicted, Sample, Skipped
from rateval.data.reading import Reader, Ready, fault_of, read_ahead
from rateval.data.splits import list_at_once

_LET_GO = torch.empty(0)
"""In place of an image that lies in a batch already."""


@dataclass(frozen=True, slots=True)
class Batch:
    """B samples as tensors on the CPU, and those of the batch that had to be skipped."""

    indices: tuple[int, ...]
    """Positions of the samples in their split."""
    ids: tuple[str, ...]
    images: torch.Tensor
    """(B, 3, H, W) float32, preprocessed."""
    labels: torch.Tensor
    """(B,) int64."""
    masks: torch.Tensor | None
    """(B, H, W) bool in the geometry of ``images``, all False without a mask; None unless asked
    for."""
    has_mask: tuple[bool, ...]
    captions: tuple[str | None, ...]
    skipped: tuple[Skipped, ...]
    sizes: tuple[tuple[int, int], ...] = ()
    """Height and width of each image before it was prepared; empty where there were no images."""
    asked: tuple[Asked | None, ...] = ()
    """What is asked of each image; empty where there were no images."""
    depicted: tuple[tuple[Depicted, ...], ...] = ()
    """What each image is known to show, with masks as ``masks`` has them."""

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def nbytes(self) -> int:
        """Bytes that its tensors take in memory."""
        masks = 0 if self.masks is None else self.masks.nbytes
        shown = [one.mask.nbytes for each in self.depicted for one in each if one.mask is not None]
        return self.images.nbytes + self.labels.nbytes + masks + sum(shown)


def load_batches(
    split: Split,
    model: Explained,
    *,
    batch_size: int,
    indices: Sequence[int] | None = None,
    masks: bool = False,
    shift: Shift | None = None,
    readers: int = 1,
    pinned: bool = False,
) -> Iterator[Batch]:
    """Yield batches of ``split`` in the order of ``indices``, all samples when None.

    ``readers`` threads share out the images and work up to one batch ahead; the order never depends
    on them. ``pinned`` ones lie where a GPU fetches them by itself. Raises PluginError when the
    model prepares something else than its protocol promises.
    """
    order = range(len(split)) if indices is None else indices
    chunks = [order[at : at + batch_size] for at in range(0, len(order), batch_size)]
    change = None if shift is None else _without_index(shift)
    yield from load_chunks(
        split, model, chunks, masks=masks, change=change, readers=readers, pinned=pinned
    )


def load_chunks(
    split: Split,
    model: Explained,
    chunks: Sequence[Sequence[int]],
    *,
    masks: bool = False,
    change: Callable[[Sample, int], Sample | Skipped] | None = None,
    readers: int = 1,
    pinned: bool = False,
) -> Iterator[Batch]:
    """Yield one batch for each of ``chunks``, the positions of its samples in ``split``.

    ``change`` turns a sample and its position into the one that is preprocessed: an augmentation
    must draw from a random stream of its own for each, because ``readers`` threads call it in any
    order. Each shrinks one image after the other, so that as many whole ones as readers are held,
    whatever the size of a batch. Raises PluginError as ``load_batches`` does.
    """
    readers = max(1, readers)
    step = list_at_once(split)
    pieces = (chunk[at : at + step] for chunk in chunks for at in range(0, len(chunk), step))
    counts = [math.ceil(len(chunk) / step) for chunk in chunks]
    # One batch beyond the one that the model has, and work for every reader where they are small.
    ahead = max(readers, max(counts, default=0))
    reader = Reader(split, model, masks, change)
    with closing(read_ahead(reader, pieces, readers=readers, ahead=ahead)) as found:
        for chunk, count in zip(chunks, counts, strict=True):
            read = chain.from_iterable(islice(found, count))
            yield _collate(len(chunk), read, masks, pinned)


def regroup(batches: Iterable[Batch], part: range, size: int) -> Iterator[Batch]:
    """Yield the batches of a part of a split as if ``size`` positions had been loaded at once.

    ``batches`` may be of more positions or of fewer. What was skipped comes with the first that was
    not, or with those before.
    """
    waiting: list[Batch] = []
    at: int | None = None
    for piece in (piece for batch in batches for piece in _cut(batch, part, size)):
        place = (piece.indices[0] - part.start) // size if piece.indices else None
        if at is not None and place is not None and place != at:
            yield _join(waiting)
            waiting, at = [], None
        waiting.append(piece)
        at = place if at is None else at
    if waiting:
        yield _join(waiting)


def _cut(batch: Batch, part: range, size: int) -> Iterator[Batch]:
    skipped = batch.skipped
    places = [(index - part.start) // size for index in batch.indices]
    ends = [at for at in range(1, len(places)) if places[at] != places[at - 1]]
    for start, stop in pairwise([0, *ends, len(batch)]):
        yield _slice(batch, slice(start, stop), skipped)
        skipped = ()


def _slice(batch: Batch, at: slice, skipped: tuple[Skipped, ...]) -> Batch:
    return Batch(
        indices=batch.indices[at],
        ids=batch.ids[at],
        images=batch.images[at],
        labels=batch.labels[at],
        masks=None if batch.masks is None else batch.masks[at],
        has_mask=batch.has_mask[at],
        captions=batch.captions[at],
        skipped=skipped,
        sizes=batch.sizes[at],
        asked=batch.asked[at],
        depicted=batch.depicted[at],
    )


def _join(pieces: Sequence[Batch]) -> Batch:
    skipped = tuple(chain.from_iterable(piece.skipped for piece in pieces))
    pieces = [piece for piece in pieces if len(piece)] or pieces[:1]
    if len(pieces) == 1:
        return replace(pieces[0], skipped=skipped)
    masks = [piece.masks for piece in pieces if piece.masks is not None]
    joined = {
        name: tuple(chain.from_iterable(getattr(piece, name) for piece in pieces))
        for name in ("indices", "ids", "has_mask", "captions", "sizes", "asked", "depicted")
    }
    return Batch(
        images=torch.cat([piece.images for piece in pieces]),
        labels=torch.cat([piece.labels for piece in pieces]),
        masks=torch.cat(masks) if masks else None,
        skipped=skipped,
        **joined,
    )


def _without_index(shift: Shift) -> Callable[[Sample, int], Sample | Skipped]:
    return lambda sample, index: shift.apply(sample)


def _collate(
    count: int, found: Iterable[Ready | Skipped], masks: bool, pinned: bool = False
) -> Batch:
    """Put samples into one batch as they come; ``count`` is the most that there can be."""
    rows: list[Ready] = []
    skipped: list[Skipped] = []
    images, stacked = torch.empty(0, 3, 0, 0), torch.empty(0, 0, 0, dtype=torch.bool)
    for one in found:
        if isinstance(one, Skipped):
            skipped.append(one)
            continue
        size = one.image.shape
        if not rows:
            images = torch.empty(count, *size, pin_memory=pinned)
            stacked = torch.zeros(count if masks else 0, *size[-2:], dtype=torch.bool)
        elif size != images.shape[1:]:
            asked = f"give every image one size, here {tuple(images.shape[1:])}"
            raise fault_of("preprocess", one.id, asked, one.image)
        images[len(rows)] = one.image
        if one.mask is not None:
            stacked[len(rows)] = one.mask
        rows.append(replace(one, image=_LET_GO, mask=None))
    return Batch(
        indices=tuple(one.index for one in rows),
        ids=tuple(one.id for one in rows),
        images=images[: len(rows)],
        labels=torch.tensor([one.label for one in rows], dtype=torch.int64),
        masks=stacked[: len(rows)] if masks else None,
        has_mask=tuple(one.has_mask for one in rows),
        captions=tuple(one.caption for one in rows),
        skipped=tuple(skipped),
        sizes=tuple(one.size for one in rows),
        asked=tuple(one.asked for one in rows),
        depicted=tuple(one.depicted for one in rows),
    )
