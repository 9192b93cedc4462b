"""Predictions and explanations of a test split, and what later stages need of them."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from rateval.api.task import Task
from rateval.api.training import Monitor
from rateval.api.values import Explanation, Skipped
from rateval.data.batches import Batch
from rateval.data.groups import Groups, list_groups
from rateval.errors import RatevalError
from rateval.records.cell import SkippedRecord
from rateval.records.facts import InferFacts
from rateval.store import rows as tables
from rateval.workbench.cell import Job
from rateval.workbench.explain import explain_batch
from rateval.workbench.maps import scale_maps


def infer(job: Job, part: range, monitor: Monitor, folder: Path) -> InferFacts:
    """Write rows, masks and relevance maps of ``part`` of the split into ``folder``.

    Returns their counts; where every sample was skipped, nothing is written. Raises PluginError
    when the attribution or the classifier returns something else than its protocol promises.
    """
    maps: list[NDArray[np.float16]] = []
    skipped: list[Skipped] = []
    groups = list_groups(job.split)
    with ExitStack() as stack:
        writers: tuple[tables.RowWriter, tables.RowWriter] | None = None
        for batch in job.batches(part, masks=True):
            skipped += batch.skipped
            if len(batch):
                explanation = explain_batch(job, batch)
                relevance, largest = scale_maps(explanation.relevance)
                maps.append(relevance)
                if writers is None:
                    writers = _open(stack, folder, job.task, batch, groups)
                writers[0].write(_rows(job.task, batch, explanation, largest, groups))
                writers[1].write(_mask_rows(batch, writers[1].schema))
            monitor.advance(len(batch) + len(batch.skipped))
    if maps:
        tables.write_relevance(folder, np.concatenate(maps))
    count = sum(map(len, maps))
    records = tuple(SkippedRecord(**asdict(sample)) for sample in skipped)
    return InferFacts(count=count, skipped=records)


def merge(parts: Sequence[tuple[Path, InferFacts]], folder: Path) -> InferFacts:
    """Write what ``infer`` wrote for consecutive parts into ``folder``; return their counts."""
    tables.concatenate([path for path, facts in parts if facts.count], folder)
    return InferFacts(
        count=sum(facts.count for _, facts in parts),
        skipped=tuple(sample for _, facts in parts for sample in facts.skipped),
    )


def require_samples(facts: InferFacts) -> InferFacts:
    """Return the counts of a whole split. Raises RatevalError when no sample could be read."""
    if facts.count:
        return facts
    skipped = facts.skipped
    raise RatevalError(
        f"all {len(skipped)} samples of the test split were skipped, the first one "
        f"({skipped[0].id}) because: {skipped[0].reason}"
    )


def _open(
    stack: ExitStack, folder: Path, task: Task, batch: Batch, groups: Groups
) -> tuple[tables.RowWriter, tables.RowWriter]:
    height, width = batch.images.shape[-2:]
    rows = tables.RowWriter(folder / tables.ROWS, tables.rows_schema(task.schema, groups))
    masks = tables.RowWriter(folder / tables.MASKS, tables.masks_schema(height, width))
    return stack.enter_context(rows), stack.enter_context(masks)


def _rows(
    task: Task,
    batch: Batch,
    explanation: Explanation,
    largest: NDArray[np.float32],
    groups: Groups,
) -> pa.RecordBatch:
    assert explanation.logits is not None and batch.masks is not None
    areas = batch.masks.float().mean(dim=(1, 2)).numpy()
    columns = {
        "index": pa.array(batch.indices),
        "id": pa.array(batch.ids),
        **task.columns(explanation.logits, batch.labels.numpy()),
        "mask_area": pa.array(areas, mask=~np.array(batch.has_mask)),
        "relevance_max": pa.array(largest),
        **{
            tables.GROUP + name: pa.array([values[at] for at in batch.indices], pa.string())
            for name, values in groups.items()
        },
    }
    return pa.RecordBatch.from_pydict(columns, tables.rows_schema(task.schema, groups))


def _mask_rows(batch: Batch, schema: pa.Schema) -> pa.RecordBatch:
    assert batch.masks is not None
    packed = tables.pack_masks(batch.masks.numpy(), batch.has_mask)
    return pa.RecordBatch.from_arrays(
        [pa.array(batch.ids, pa.string()), pa.array(packed, pa.binary())], schema=schema
    )
