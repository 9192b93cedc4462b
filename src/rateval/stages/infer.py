"""Predict and explain each image of a test split, and keep what later stages need."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from numpy.typing import NDArray

from rateval import tables
from rateval.batches import Batch, load_batches
from rateval.errors import PluginError, RatevalError
from rateval.protocols import Attribution, Classifier, Monitor, Shift, Split
from rateval.records import Explanation, Skipped


@dataclass(frozen=True, slots=True)
class InferOptions:
    """Say how to go over the images; none of it changes what is computed."""

    device: str
    batch_size: int
    workers: int


def infer(
    classifier: Classifier,
    attribution: Attribution,
    split: Split,
    shift: Shift | None,
    classes: int,
    options: InferOptions,
    monitor: Monitor,
    folder: Path,
) -> Mapping[str, Any]:
    """Write rows, masks and relevance maps of ``split`` into ``folder``; return their counts.

    Raises RatevalError when no sample could be read, PluginError when the attribution or the
    classifier returns something else than its protocol promises.
    """
    monitor.begin(len(split))
    maps: list[NDArray[np.float16]] = []
    skipped: list[Skipped] = []
    count = 0
    with ExitStack() as stack:
        writers: tuple[pq.ParquetWriter, pq.ParquetWriter] | None = None
        for batch in load_batches(
            split,
            classifier.model,
            batch_size=options.batch_size,
            masks=True,
            shift=shift,
            workers=options.workers,
        ):
            skipped += batch.skipped
            monitor.advance(len(batch) + len(batch.skipped))
            if not len(batch):
                continue
            explanation = _explain(classifier, attribution, batch, classes, options.device)
            relevance, largest = _scale(explanation.relevance)
            maps.append(relevance)
            if writers is None:
                writers = _open(stack, folder, classes, batch)
            writers[0].write_batch(_prediction_rows(count, batch, explanation, largest))
            writers[1].write_batch(_mask_rows(batch, writers[1].schema))
            count += len(batch)
    if not count:
        raise RatevalError(_nothing_left(skipped))
    tables.write_relevance(folder, np.concatenate(maps))
    return {"count": count, "skipped": [asdict(sample) for sample in skipped]}


def _nothing_left(skipped: list[Skipped]) -> str:
    if not skipped:
        return "the test split holds no sample; nothing can be judged"
    return (
        f"all {len(skipped)} samples of the test split were skipped, the first one "
        f"({skipped[0].id}) because: {skipped[0].reason}"
    )


def _explain(
    classifier: Classifier, attribution: Attribution, batch: Batch, classes: int, device: str
) -> Explanation:
    images, labels = batch.images.to(device), batch.labels.to(device)
    explanation = attribution.explain(classifier, images, labels)
    logits = explanation.logits
    if logits is None:
        with torch.inference_mode():
            logits = classifier.logits(images)
    grid = classifier.model.grid
    relevance = explanation.relevance.detach().float().cpu()
    logits = logits.detach().float().cpu()
    if relevance.shape != (len(batch), *grid):
        raise PluginError(
            f"the attribution returned relevance of shape {tuple(relevance.shape)}, "
            f"not {(len(batch), *grid)} (images, patch rows, patch columns)"
        )
    if not torch.isfinite(relevance).all() or (relevance < 0).any():
        raise PluginError("the attribution returned relevance that is negative or not finite")
    if logits.shape != (len(batch), classes):
        raise PluginError(
            f"the classifier returned logits of shape {tuple(logits.shape)}, "
            f"not {(len(batch), classes)} (images, classes)"
        )
    if not torch.isfinite(logits).all():
        raise RatevalError(
            "the classifier returned logits that are not finite; its weights are broken or its "
            "fine-tuning diverged: lower the rate, or check the checkpoint"
        )
    return Explanation(relevance, logits)


def _scale(relevance: torch.Tensor) -> tuple[NDArray[np.float16], NDArray[np.float32]]:
    # Maps of deep models are tiny: without scaling by their maximum, float16 would lose them.
    largest = relevance.amax(dim=(1, 2))
    divisor = torch.where(largest > 0, largest, torch.ones_like(largest))
    return (relevance / divisor[:, None, None]).half().numpy(), largest.numpy()


def _open(
    stack: ExitStack, folder: Path, classes: int, batch: Batch
) -> tuple[pq.ParquetWriter, pq.ParquetWriter]:
    height, width = batch.images.shape[-2:]
    rows = pq.ParquetWriter(folder / tables.ROWS, tables.predictions_schema(classes))
    masks = pq.ParquetWriter(
        folder / tables.MASKS, tables.masks_schema(height, width), compression="zstd"
    )
    return stack.enter_context(rows), stack.enter_context(masks)


def _prediction_rows(
    start: int, batch: Batch, explanation: Explanation, largest: NDArray[np.float32]
) -> pa.RecordBatch:
    assert explanation.logits is not None and batch.masks is not None
    logits = explanation.logits
    labels = batch.labels.numpy()
    predictions = logits.argmax(dim=1).numpy()
    areas = batch.masks.float().mean(dim=(1, 2)).numpy()
    schema = tables.predictions_schema(logits.shape[1])
    probabilities = logits.softmax(dim=1).numpy()
    columns: list[Any] = [
        np.arange(start, start + len(batch)),
        list(batch.ids),
        labels.astype(np.int32),
        predictions.astype(np.int32),
        predictions == labels,
        pa.FixedSizeListArray.from_arrays(probabilities.reshape(-1), logits.shape[1]),
        pa.array(areas, mask=~np.array(batch.has_mask)),
        largest,
    ]
    arrays = [
        column if isinstance(column, pa.Array) else pa.array(column, field.type)
        for column, field in zip(columns, schema, strict=True)
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _mask_rows(batch: Batch, schema: pa.Schema) -> pa.RecordBatch:
    assert batch.masks is not None
    packed = tables.pack_masks(batch.masks.numpy(), batch.has_mask)
    return pa.RecordBatch.from_arrays(
        [pa.array(batch.ids, pa.string()), pa.array(packed, pa.binary())], schema=schema
    )
