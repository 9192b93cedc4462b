"""Turn a split into batches of tensors, prepared ahead of the model by threads."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import torch
from PIL import Image

from rateval.protocols import Model, Shift, Split
from rateval.records import Sample, Skipped


@dataclass(frozen=True, slots=True)
class Batch:
    """Hold B samples as tensors on the CPU, and those of the batch that had to be skipped."""

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

    def __len__(self) -> int:
        return len(self.ids)


def load_batches(
    split: Split,
    model: Model,
    *,
    batch_size: int,
    indices: Sequence[int] | None = None,
    preprocess: Callable[[Image.Image], torch.Tensor] | None = None,
    masks: bool = False,
    shift: Shift | None = None,
    workers: int = 1,
) -> Iterator[Batch]:
    """Yield batches of ``split`` in the order of ``indices``, all samples when None.

    ``preprocess`` replaces the model's own, for augmentation; masks then must not be asked for.
    ``workers`` threads prepare up to as many batches ahead; the order never depends on them.
    """
    if preprocess is not None and masks:
        raise ValueError("an augmented image no longer fits its mask: masks needs preprocess=None")
    order = range(len(split)) if indices is None else indices
    chunks = [order[at : at + batch_size] for at in range(0, len(order), batch_size)]
    transform = preprocess or model.preprocess

    def prepare(chunk: Sequence[int]) -> Batch:
        return _collate(chunk, split.samples(chunk), model, transform, masks, shift)

    with ThreadPoolExecutor(max(1, workers), thread_name_prefix="rateval-batches") as pool:
        pending: deque[Future[Batch]] = deque()
        try:
            for chunk in chunks:
                pending.append(pool.submit(prepare, chunk))
                if len(pending) > max(1, workers):
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
        finally:
            for future in pending:
                future.cancel()


def _collate(
    chunk: Sequence[int],
    samples: Sequence[Sample | Skipped],
    model: Model,
    transform: Callable[[Image.Image], torch.Tensor],
    masks: bool,
    shift: Shift | None,
) -> Batch:
    placed = [(at, s) for at, s in zip(chunk, samples, strict=True) if isinstance(s, Sample)]
    kept = [sample for _, sample in placed]
    if shift is not None:
        kept = [shift.apply(sample) for sample in kept]
    images = [transform(sample.image) for sample in kept]
    return Batch(
        indices=tuple(at for at, _ in placed),
        ids=tuple(sample.id for sample in kept),
        images=torch.stack(images) if images else torch.empty(0, 3, 0, 0),
        labels=torch.tensor([sample.label for sample in kept], dtype=torch.int64),
        masks=_stack_masks(kept, images, model) if masks else None,
        has_mask=tuple(sample.mask is not None for sample in kept),
        captions=tuple(sample.caption for sample in kept),
        skipped=tuple(sample for sample in samples if isinstance(sample, Skipped)),
    )


def _stack_masks(
    samples: Sequence[Sample], images: Sequence[torch.Tensor], model: Model
) -> torch.Tensor:
    stacked = [
        torch.zeros(image.shape[-2:], dtype=torch.bool)
        if sample.mask is None
        else model.preprocess_mask(sample.mask)
        for sample, image in zip(samples, images, strict=True)
    ]
    return torch.stack(stacked) if stacked else torch.empty(0, 0, 0, dtype=torch.bool)
