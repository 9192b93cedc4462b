"""Where the samples of a training come from: a split, or features computed once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import torch

from rateval.api import RatevalError, Split
from rateval.api.protocols import Explained
from rateval.modelkit import Batch, load_batches, load_chunks, write_count
from rateval_finetune.params import TrainingParams
from rateval_finetune.training.augmentation import augment_published, swap_backgrounds
from rateval_finetune.training.processes import in_any_process


class Source(Protocol):
    """Training samples by their positions."""

    def __len__(self) -> int: ...

    def load(self, chunks: Sequence[Sequence[int]], epoch: int) -> Iterator[Batch]:
        """Yield one batch for each of ``chunks``."""
        ...


@dataclass(frozen=True, slots=True)
class SplitSource:
    """A split, augmented as the params say."""

    split: Split
    model: Explained
    params: TrainingParams
    seed: int
    masks: bool = False
    """Whether the method needs masks; swapping backgrounds needs them anyway."""
    readers: int = 1
    """Threads that read and augment images ahead; what they yield doesn't depend on them."""

    def __len__(self) -> int:
        return len(self.split)

    def load(self, chunks: Sequence[Sequence[int]], epoch: int) -> Iterator[Batch]:
        """Yield one batch for each of ``chunks``, preprocessed for the model."""
        swap = self.params.background_swap
        change = None
        if self.params.augment == "published":
            change = augment_published(self.model.card.image_size, self.seed, epoch)
        batches = load_chunks(
            self.split,
            self.model,
            chunks,
            masks=self.masks or swap > 0,
            change=change,
            readers=self.readers,
            pinned=next(self.model.module.parameters()).is_cuda,
        )
        for batch in batches:
            if swap and len(batch):
                yield swap_backgrounds(batch, swap, self.seed, "swap", epoch, batch.indices[0])
            else:
                yield batch


@dataclass(frozen=True, slots=True)
class FeatureSource:
    """Stored features in place of images."""

    features: torch.Tensor
    """(N, F) float32, row i for the sample at position i."""
    labels: torch.Tensor
    """(N,) int64; -1 for a sample that could not be read."""

    def __len__(self) -> int:
        return len(self.labels)

    def load(self, chunks: Sequence[Sequence[int]], epoch: int) -> Iterator[Batch]:
        """Yield one batch for each of ``chunks``, features (B, F) as its images."""
        for chunk in chunks:
            kept = [index for index in chunk if self.labels[index] >= 0]
            yield Batch(
                indices=tuple(kept),
                ids=tuple(map(str, kept)),
                images=self.features[kept],
                labels=self.labels[kept],
                masks=None,
                has_mask=(False,) * len(kept),
                captions=(None,) * len(kept),
                skipped=(),
            )


class RequireMasks:
    """A source that is refused when it has no mask at all: nothing could be learnt from it."""

    def __init__(self, source: Source, method: str) -> None:
        self._source = source
        self._method = method

    def __len__(self) -> int:
        return len(self._source)

    def load(self, chunks: Sequence[Sequence[int]], epoch: int) -> Iterator[Batch]:
        """Yield the batches. Raises RatevalError at the last one of an epoch without any mask."""
        found = False
        for number, batch in enumerate(self._source.load(chunks, epoch), 1):
            found = found or any(batch.has_mask)
            # Nobody asks for a batch after the last one; other processes see other samples.
            if number == len(chunks) and not in_any_process(found):
                raise RatevalError(
                    f"{self._method}: no training sample has an evidence mask, which this method "
                    "learns from; use a dataset with masks in its train split, or ft"
                )
            yield batch


@dataclass(frozen=True, slots=True)
class MaskedShare:
    """A source whose masks are hidden for all but a share of the samples."""

    source: Source
    shown: frozenset[int]
    """Positions of the samples whose masks are kept."""

    def __len__(self) -> int:
        return len(self.source)

    def load(self, chunks: Sequence[Sequence[int]], epoch: int) -> Iterator[Batch]:
        """Yield the batches of the source with fewer masks."""
        for batch in self.source.load(chunks, epoch):
            shown = [index in self.shown for index in batch.indices]
            if batch.masks is None or not len(batch):
                yield batch
            else:
                masks = batch.masks & torch.tensor(shown)[:, None, None]
                has_mask = tuple(a and b for a, b in zip(batch.has_mask, shown, strict=True))
                yield replace(batch, masks=masks, has_mask=has_mask)


def first_batch(split: Split, model: Explained, *, masks: bool = False) -> Batch:
    """Return the first readable sample as a batch of one.

    Raises RatevalError when there is none.
    """
    reasons = []
    for batch in load_batches(split, model, batch_size=1, masks=masks):
        if len(batch):
            return batch
        reasons += [f"{skipped.id}: {skipped.reason}" for skipped in batch.skipped]
    raise RatevalError(
        f"none of the {write_count(len(split), 'training sample')} can be read"
        + (f" (the first: {reasons[0]})" if reasons else "")
        + "; check the dataset's train split, or use a method that doesn't train, such as zs"
    )
