"""Batches of tensors made from a split, prepared ahead of the model by threads."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from rateval.api.protocols import Model, Shift, Split
from rateval.api.values import Sample, Skipped
from rateval.data.checked import describe
from rateval.data.shapes import leave_out_long
from rateval.errors import PluginError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


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

    def __len__(self) -> int:
        return len(self.ids)


def load_batches(
    split: Split,
    model: Model,
    *,
    batch_size: int,
    indices: Sequence[int] | None = None,
    masks: bool = False,
    shift: Shift | None = None,
    readers: int = 1,
) -> Iterator[Batch]:
    """Yield batches of ``split`` in the order of ``indices``, all samples when None.

    ``readers`` threads prepare up to as many batches ahead; the order never depends on them.
    Raises PluginError when the model prepares something else than its protocol promises.
    """
    order = range(len(split)) if indices is None else indices
    chunks = [order[at : at + batch_size] for at in range(0, len(order), batch_size)]
    change = None if shift is None else _without_index(shift)
    yield from load_chunks(split, model, chunks, masks=masks, change=change, readers=readers)


def load_chunks(
    split: Split,
    model: Model,
    chunks: Sequence[Sequence[int]],
    *,
    masks: bool = False,
    change: Callable[[Sample, int], Sample] | None = None,
    readers: int = 1,
) -> Iterator[Batch]:
    """Yield one batch for each of ``chunks``, the positions of its samples in ``split``.

    ``change`` turns a sample and its position into the one that is preprocessed: an augmentation
    must draw from a random stream of its own for each, because ``readers`` threads call it in any
    order. They prepare up to as many batches ahead. Raises PluginError as ``load_batches`` does.
    """

    def prepare(chunk: Sequence[int]) -> Batch:
        return _collate(chunk, leave_out_long(split.samples(chunk)), model, masks, change)

    with ThreadPoolExecutor(max(1, readers), thread_name_prefix="rateval-batches") as pool:
        pending: deque[Future[Batch]] = deque()
        try:
            for chunk in chunks:
                pending.append(pool.submit(prepare, chunk))
                if len(pending) > max(1, readers):
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
        finally:
            for future in pending:
                future.cancel()


def _without_index(shift: Shift) -> Callable[[Sample, int], Sample]:
    return lambda sample, index: shift.apply(sample)


def _collate(
    chunk: Sequence[int],
    samples: Sequence[Sample | Skipped],
    model: Model,
    masks: bool,
    change: Callable[[Sample, int], Sample] | None,
) -> Batch:
    placed = [(at, s) for at, s in zip(chunk, samples, strict=True) if isinstance(s, Sample)]
    kept = [sample if change is None else change(sample, at) for at, sample in placed]
    images = [_prepare(sample, model) for sample in kept]
    _require_one_size(kept, images)
    return Batch(
        indices=tuple(at for at, _ in placed),
        ids=tuple(sample.id for sample in kept),
        images=torch.stack(images) if images else torch.empty(0, 3, 0, 0),
        labels=torch.tensor([sample.label for sample in kept], dtype=torch.int64),
        masks=_stack_masks(kept, images, model) if masks else None,
        has_mask=tuple(sample.mask is not None for sample in kept),
        captions=tuple(sample.caption for sample in kept),
        skipped=tuple(sample for sample in samples if isinstance(sample, Skipped)),
        sizes=tuple((sample.image.height, sample.image.width) for sample in kept),
    )


def _prepare(sample: Sample, model: Model) -> torch.Tensor:
    image = model.preprocess(sample.image)
    sound = isinstance(image, torch.Tensor) and image.dtype == torch.float32
    if not sound or image.ndim != 3 or len(image) != 3:
        raise _fault("preprocess", sample, "return (3, H, W) float32", image)
    return image


def _require_one_size(samples: Sequence[Sample], images: Sequence[torch.Tensor]) -> None:
    for sample, image in zip(samples, images, strict=True):
        if image.shape != images[0].shape:
            size = tuple(images[0].shape)
            raise _fault("preprocess", sample, f"give every image one size, here {size}", image)


def _stack_masks(
    samples: Sequence[Sample], images: Sequence[torch.Tensor], model: Model
) -> torch.Tensor:
    stacked = [
        torch.zeros(image.shape[-2:], dtype=torch.bool)
        if sample.mask is None
        else _prepare_mask(sample, sample.mask, image.shape[-2:], model)
        for sample, image in zip(samples, images, strict=True)
    ]
    return torch.stack(stacked) if stacked else torch.empty(0, 0, 0, dtype=torch.bool)


def _prepare_mask(
    sample: Sample, mask: NDArray[np.bool_], size: torch.Size, model: Model
) -> torch.Tensor:
    prepared = model.preprocess_mask(mask)
    sound = isinstance(prepared, torch.Tensor) and prepared.dtype == torch.bool
    if not sound or prepared.shape != size:
        asked = f"return bool of the prepared image's size, {tuple(size)}"
        raise _fault("preprocess_mask", sample, asked, prepared)
    return prepared


def _fault(method: str, sample: Sample, asked: str, got: object) -> PluginError:
    return PluginError(
        f'{method}() of the model on sample "{sample.id}" must {asked}; got {describe(got)}',
        kind="model",
    )
