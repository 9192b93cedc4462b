"""Images that lend their backgrounds: which ones, by digests alone, and what they look like."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import repeat

import numpy as np
import torch
from numpy.typing import NDArray

from rateval.api.protocols import Model, Split
from rateval.data.batches import Batch, load_batches
from rateval.modelkit.filling import View
from rateval.modelkit.swapping import POOL, can_lend, draw_few, pool_donors


@dataclass(frozen=True, slots=True, eq=False)
class Donors:
    """Images of the whole test split, without their objects."""

    ids: tuple[str, ...]
    labels: NDArray[np.int64]
    backgrounds: torch.Tensor
    """(P, 3, H, W) float32, in the model's view, their own objects filled in from around."""

    @property
    def nbytes(self) -> int:
        """Bytes that it takes in memory."""
        return self.backgrounds.nbytes

    def draw(self, image: str, label: int, count: int) -> list[int]:
        """Return the positions of up to ``count`` donors of another label, by the image's id alone.

        Each donor of another label is as likely as any other; none comes twice.
        """
        others = np.flatnonzero(self.labels != label).tolist()
        return draw_few(image, [at for at in others if self.ids[at] != image], count)


NO_DONORS = Donors((), np.zeros(0, dtype=np.int64), torch.empty(0, 3, 0, 0))
"""What there is where no background is swapped."""


def read_donors(
    split: Split, model: Model, view: View, *, batch_size: int, readers: int, size: int = POOL
) -> Donors:
    """Read up to ``size`` donors of a whole split, in the order of a digest of their ids.

    An image is one if it has a mask with a pixel in the model's view, of at most 60 % of it.
    """
    found: list[_Lending] = []
    for chunk in pool_donors(split, size):
        # Read as they lie: what is no random access would begin anew for each of them.
        lending = {
            index: one
            for batch in load_batches(
                split, model, batch_size=batch_size, indices=sorted(chunk), masks=True,
                readers=readers,
            )
            for index, one in _lending(batch)
        }  # fmt: skip
        found += [lending[index] for index in chunk if index in lending]
        if len(found) >= size:
            break
    del found[size:]
    with ThreadPoolExecutor(max(1, readers), thread_name_prefix="rateval-donors") as pool:
        images, masks = [one.image for one in found], [one.mask for one in found]
        filled = list(pool.map(view.fill_one, images, masks, repeat("inpaint")))
    backgrounds = torch.stack(filled) if filled else torch.empty(0, 3, 0, 0)
    labels = np.array([one.label for one in found], dtype=np.int64)
    return Donors(tuple(one.id for one in found), labels, backgrounds)


@dataclass(frozen=True, slots=True, eq=False)
class _Lending:
    id: str
    label: int
    image: torch.Tensor
    mask: torch.Tensor


def _lending(batch: Batch) -> Iterator[tuple[int, _Lending]]:
    """Yield the images of a batch that lend their backgrounds, each with its position."""
    assert batch.masks is not None
    areas = batch.masks.double().mean(dim=(1, 2))
    for at, index in enumerate(batch.indices):
        if batch.has_mask[at] and can_lend(float(areas[at])):
            image, mask = batch.images[at].clone(), batch.masks[at].clone()
            yield index, _Lending(batch.ids[at], int(batch.labels[at]), image, mask)
