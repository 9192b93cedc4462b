"""Samples read, changed and shrunk one by one, by threads that work ahead of who needs them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from rateval.api.protocols import Explained, Split
from rateval.api.values import Asked, Depicted, Sample, Skipped
from rateval.data.looking_ahead import look_ahead
from rateval.data.shapes import leave_out_long
from rateval.errors import PluginError, naming
from rateval.wording import describe

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Ready:
    """A sample as a model sees it; its own image, which may be large, is let go."""

    index: int
    """Position in its split."""
    id: str
    label: int
    caption: str | None
    has_mask: bool
    size: tuple[int, int]
    """Rows and columns of its own image."""
    image: torch.Tensor
    """(3, H, W) float32, preprocessed."""
    mask: torch.Tensor | None
    """(H, W) bool in the geometry of ``image``; None without one, or where none is asked for."""
    asked: Asked | None
    depicted: tuple[Depicted, ...] = ()
    """Masks in the geometry of ``image``; none where no mask is asked for."""


@dataclass(frozen=True, slots=True)
class Reader:
    """What becomes of the samples of a split, whichever thread does it."""

    split: Split
    model: Explained
    masks: bool = False
    change: Callable[[Sample, int], Sample | Skipped] | None = None
    """From a sample and its position to the one that is preprocessed."""

    def read(self, indices: Sequence[int]) -> list[Ready | Skipped]:
        """Return what the samples at ``indices`` become, in that order.

        Raises PluginError that names the sample when something in it fails, or when the model
        prepares something else than its protocol promises.
        """
        # From the end, so that each image is let go as soon as it is shrunk.
        left = leave_out_long(self.split.samples(indices))[::-1]
        return [self._shrink(left.pop(), index) for index in indices]

    def _shrink(self, sample: Sample | Skipped, index: int) -> Ready | Skipped:
        if isinstance(sample, Skipped):
            return sample
        if self.change is not None:
            with naming(f'what changes sample "{sample.id}"'):
                changed = self.change(sample, index)
            if isinstance(changed, Skipped):
                return changed
            sample = changed
        image = _prepare(sample, self.model)
        mask = None
        if self.masks and sample.mask is not None:
            mask = _prepare_mask(sample, sample.mask, image.shape[-2:], self.model)
        return Ready(
            index,
            sample.id,
            sample.label,
            sample.caption,
            sample.mask is not None,
            (sample.image.height, sample.image.width),
            image,
            mask,
            sample.asked,
            tuple(self._shrink_depicted(sample, image.shape[-2:])),
        )

    def _shrink_depicted(self, sample: Sample, size: torch.Size) -> Iterator[Depicted]:
        for one in sample.depicted:
            mask = None
            if self.masks and one.mask is not None:
                mask = _prepare_mask(sample, one.mask, size, self.model).numpy()
            yield Depicted(one.label, mask)


def read_ahead(
    reader: Reader, pieces: Iterable[Sequence[int]], *, readers: int, ahead: int
) -> Generator[list[Ready | Skipped]]:
    """Yield what ``reader`` makes of each of ``pieces``, in their order.

    ``readers`` threads work on up to ``ahead`` pieces beyond the one that is asked for, of which a
    split is told before, so that it can fetch what lies elsewhere. When this
    generator is closed or fails, what hasn't begun is given up.
    """
    with ThreadPoolExecutor(readers, thread_name_prefix="rateval-reader") as pool:
        pending: deque[Future[list[Ready | Skipped]]] = deque()
        try:
            for piece in pieces:
                look_ahead(reader.split, piece)
                pending.append(pool.submit(reader.read, piece))
                if len(pending) > ahead:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
        finally:
            for future in pending:
                future.cancel()


def fault_of(method: str, name: str, asked: str, got: object) -> PluginError:
    """Return what to raise when a model prepares something else of a sample than it should."""
    return PluginError(
        f'{method}() of the model on sample "{name}" must {asked}; got {describe(got)}',
        kind="model",
    )


def _prepare(sample: Sample, model: Explained) -> torch.Tensor:
    with naming(f'preprocess() of the model on sample "{sample.id}"', "model"):
        image = model.preprocess(sample.image)
    sound = isinstance(image, torch.Tensor) and image.dtype == torch.float32
    if not sound or image.ndim != 3 or len(image) != 3:
        raise fault_of("preprocess", sample.id, "return (3, H, W) float32", image)
    return image


def _prepare_mask(
    sample: Sample, mask: NDArray[np.bool_], size: torch.Size, model: Explained
) -> torch.Tensor:
    with naming(f'preprocess_mask() of the model on sample "{sample.id}"', "model"):
        prepared = model.preprocess_mask(mask)
    sound = isinstance(prepared, torch.Tensor) and prepared.dtype == torch.bool
    if not sound or prepared.shape != size:
        asked = f"return bool of the prepared image's size, {tuple(size)}"
        raise fault_of("preprocess_mask", sample.id, asked, prepared)
    return prepared
