"""Units of a batch whose samples have none, one or several of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pyarrow as pa
import torch

from rateval.api.tasks.task import Units
from rateval.data.batches import Batch
from rateval.errors import PluginError


def require_units(units: Units, samples: int) -> int:
    """Return how many units there are. Raises PluginError where they break their promises."""
    count = len(units.places)
    lengths = (len(units.names), len(units.labels), len(units.masks))
    if lengths != (count, count, count) or units.samples.num_rows != samples:
        raise PluginError(
            f"the task returned units with {count} places, {lengths[0]} names, {lengths[1]} labels "
            f"and {lengths[2]} masks, and {units.samples.num_rows} rows for {samples} samples; "
            "there must be one of each for each unit, and a row for each sample",
            kind="task",
        )
    keys = list(zip(units.places, units.labels.tolist(), strict=True))
    names = set(zip(units.places, units.names, strict=True))
    inside = all(0 <= place < samples for place in units.places)
    if keys != sorted(set(keys)) or len(names) != count or not inside:
        raise PluginError(
            "the task returned units that are not ordered by their samples and by their labels, or "
            "of which two of one sample have the same label or name",
            kind="task",
        )
    return count


def join_units(parts: Sequence[Units | None]) -> Units | None:
    """Return the units of consecutive parts of a batch as those of the batch."""
    found = [part for part in parts if part is not None]
    if not found:
        return None
    starts = np.cumsum([0, *(part.samples.num_rows for part in found)]).tolist()
    whole = pa.Table.from_batches([part.samples for part in found]).combine_chunks()
    (samples,) = whole.to_batches() or [found[0].samples]
    return Units(
        places=tuple(
            start + place
            for start, part in zip(starts[:-1], found, strict=True)
            for place in part.places
        ),
        names=tuple(name for part in found for name in part.names),
        labels=np.concatenate([part.labels for part in found]),
        classes=found[0].classes,
        masks=tuple(mask for part in found for mask in part.masks),
        samples=samples,
    )


def spread(batch: Batch, units: Units) -> Batch:
    """Return a batch of units in the place of samples, without their images."""
    places, masks = units.places, None
    if batch.masks is not None:
        masks = torch.zeros(len(places), *batch.masks.shape[1:], dtype=torch.bool)
        for at, mask in enumerate(units.masks):
            if mask is not None:
                masks[at] = torch.from_numpy(mask)
    return replace(
        batch,
        indices=tuple(batch.indices[at] for at in places),
        ids=tuple(f"{batch.ids[at]}#{name}" for at, name in zip(places, units.names, strict=True)),
        images=batch.images[:0],
        labels=torch.from_numpy(units.labels),
        masks=masks,
        has_mask=tuple(mask is not None for mask in units.masks),
        captions=tuple(batch.captions[at] for at in places),
        sizes=tuple(batch.sizes[at] for at in places),
        asked=tuple(batch.asked[at] for at in places),
        depicted=tuple(batch.depicted[at] for at in places),
    )
