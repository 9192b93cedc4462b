"""Predictions and explanations of a test split, and what later stages need of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from numpy.typing import NDArray

from rateval.api.tasks.task import Posed, Units
from rateval.api.training import Monitor
from rateval.api.values import Explanation, Skipped
from rateval.data.batches import Batch
from rateval.data.groups import Groups, list_groups
from rateval.errors import RatevalError
from rateval.records.facts import InferFacts
from rateval.records.scores.cell import SkippedRecord
from rateval.store import rows as tables
from rateval.store.tables.samples import SAMPLES, samples_schema
from rateval.workbench.cell import Job
from rateval.workbench.completeness import merge_completeness, sum_up
from rateval.workbench.explain import Found, explain_each
from rateval.workbench.maps import scale_maps
from rateval.workbench.units import spread


def infer(
    job: Job,
    part: range,
    monitor: Monitor,
    folder: Path,
    batches: Iterable[Batch] | None = None,
) -> InferFacts:
    """Write rows, masks and relevance maps of ``part`` of the split into ``folder``.

    ``batches`` are those of the part, with masks, where they are at hand; else they are read.
    Returns their counts; where every sample was skipped, nothing is written. Raises PluginError
    when the attribution or the classifier returns something else than its protocol promises.
    """
    (facts,) = infer_each(job, part, monitor, [folder], batches)
    return facts


def infer_each(
    job: Job,
    part: range,
    monitor: Monitor,
    folders: Sequence[Path],
    batches: Iterable[Batch] | None = None,
) -> list[InferFacts]:
    """Do as ``infer`` does for each attribution that is wanted of those that share a pass.

    Each batch is read once; ``folders`` are those of the attributions, in their order. Returns the
    counts of each.
    """
    skipped: list[Skipped] = []
    with ExitStack() as stack:
        kept = [_Written(job, folder, stack) for folder in folders]
        for batch in job.batches(part, masks=True) if batches is None else batches:
            skipped += batch.skipped
            if len(batch):
                for written, found in zip(kept, explain_each(job, batch), strict=True):
                    written.add(batch, found)
            monitor.advance(len(batch) + len(batch.skipped))
    records = tuple(SkippedRecord(**asdict(sample)) for sample in skipped)
    return [written.finish(records) for written in kept]


class _Written:
    """Rows, masks and maps by one attribution, on their way into a folder."""

    def __init__(self, job: Job, folder: Path, stack: ExitStack) -> None:
        self._job, self._folder, self._stack = job, folder, stack
        self._groups = list_groups(job.split)
        self._maps: list[NDArray[np.float16]] = []
        self._sums: list[torch.Tensor] = []
        self._writers: tuple[tables.RowWriter, tables.RowWriter] | None = None
        self._samples: tables.RowWriter | None = None
        self._sampled: int | None = None

    def add(self, batch: Batch, found: Found) -> None:
        """Write a batch, but for its maps."""
        samples = batch.ids
        if found.units is not None:
            self._add_samples(batch, found.units.samples)
            samples = tuple(samples[at] for at in found.units.places)
            batch = spread(batch, found.units)
        if len(batch):
            self._add_rows(batch, samples, found)

    def _add_samples(self, batch: Batch, kept: pa.RecordBatch) -> None:
        if self._samples is None:
            schema = samples_schema(kept.schema, self._groups)
            writer = tables.RowWriter(self._folder / SAMPLES, schema)
            self._samples = self._stack.enter_context(writer)
        columns = {"index": pa.array(batch.indices), "id": pa.array(batch.ids)}
        columns |= dict(zip(kept.schema.names, kept.columns, strict=True))
        columns |= _groups(self._groups, batch.indices)
        self._samples.write(_as(self._samples.schema, columns))
        self._sampled = (self._sampled or 0) + len(batch)

    def _add_rows(self, batch: Batch, samples: Sequence[str], found: Found) -> None:
        task, groups, explanation = self._job.task, self._groups, found.explanation
        relevance, largest = scale_maps(explanation.relevance)
        self._maps.append(relevance)
        if explanation.gaps is not None and explanation.differences is not None:
            self._sums.append(torch.stack([explanation.gaps, explanation.differences]))
        if self._writers is None:
            parted = found.units is not None
            schema = tables.rows_schema(task.schema, groups, sums=bool(self._sums), units=parted)
            self._writers = _open(self._stack, self._folder, schema, batch)
        rows, masks = self._writers
        rows.write(_as(rows.schema, _rows(task, batch, samples, found, largest, groups)))
        masks.write(_mask_rows(batch, masks.schema))

    def finish(self, skipped: tuple[SkippedRecord, ...]) -> InferFacts:
        """Write the maps, if there are any; return the counts."""
        if self._maps:
            tables.write_relevance(self._folder, np.concatenate(self._maps))
        count = sum(map(len, self._maps))
        return InferFacts(
            count=count,
            skipped=skipped,
            completeness=sum_up(self._sums),
            samples=self._sampled,
        )


def merge(parts: Sequence[tuple[Path, InferFacts]], folder: Path) -> InferFacts:
    """Write what ``infer`` wrote for consecutive parts into ``folder``; return their counts."""
    tables.concatenate([path for path, facts in parts if facts.count], folder)
    sampled = [(path, facts.samples) for path, facts in parts if facts.samples is not None]
    if sampled:
        tables.concatenate_file(SAMPLES, [path for path, _ in sampled], folder)
    return InferFacts(
        count=sum(facts.count for _, facts in parts),
        skipped=tuple(sample for _, facts in parts for sample in facts.skipped),
        completeness=merge_completeness([facts.completeness for _, facts in parts]),
        samples=sum(count for _, count in sampled) if sampled else None,
    )


def require_samples(facts: InferFacts) -> InferFacts:
    """Return the counts of a whole split.

    Raises RatevalError when no sample could be read, or nothing is predicted of any.
    """
    if facts.count:
        return facts
    if facts.samples:
        raise RatevalError(
            f"nothing can be judged: what the model says of {facts.samples:,} samples names none "
            "of the dataset's classes; take a model that writes of them, or add what it calls them "
            "to the dataset's wordings"
        )
    skipped = facts.skipped
    raise RatevalError(
        f"all {len(skipped)} samples of the test split were skipped, the first one "
        f"({skipped[0].id}) because: {skipped[0].reason}"
    )


def _open(
    stack: ExitStack, folder: Path, schema: pa.Schema, batch: Batch
) -> tuple[tables.RowWriter, tables.RowWriter]:
    height, width = batch.images.shape[-2:]
    rows = tables.RowWriter(folder / tables.ROWS, schema)
    masks = tables.RowWriter(folder / tables.MASKS, tables.masks_schema(height, width))
    return stack.enter_context(rows), stack.enter_context(masks)


def _rows(
    task: Posed,
    batch: Batch,
    samples: Sequence[str],
    found: Found,
    largest: NDArray[np.float32],
    groups: Groups,
) -> dict[str, Any]:
    assert found.outputs is not None and batch.masks is not None
    areas = batch.masks.float().mean(dim=(1, 2)).numpy()
    return {
        "index": pa.array(_number(batch, found.units)),
        "id": pa.array(batch.ids),
        tables.SAMPLE: pa.array(samples),
        tables.POSITION: pa.array(batch.indices),
        **task.columns(found.outputs, batch.labels.numpy(), batch.asked),
        "mask_area": pa.array(areas, mask=~np.array(batch.has_mask)),
        "relevance_max": pa.array(largest),
        **dict(zip(tables.SUMS, _sums(found.explanation), strict=True)),
        **_groups(groups, batch.indices),
    }


def _number(batch: Batch, units: Units | None) -> list[int]:
    """Return the number of each row, ascending: its sample's position where that is one unit."""
    if units is None:
        return list(batch.indices)
    pairs = zip(batch.indices, units.labels.tolist(), strict=True)
    return [position * units.classes + label for position, label in pairs]


def _groups(groups: Groups, indices: Sequence[int]) -> dict[str, pa.Array]:
    return {
        tables.GROUP + name: pa.array([values[at] for at in indices], pa.string())
        for name, values in groups.items()
    }


def _sums(explanation: Explanation) -> list[pa.Array]:
    given = (explanation.gaps, explanation.differences)
    missing = pa.nulls(len(explanation.relevance), pa.float32())
    return [missing if one is None else pa.array(one.numpy()) for one in given]


def _as(schema: pa.Schema, columns: dict[str, Any]) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays([columns[name] for name in schema.names], schema=schema)


def _mask_rows(batch: Batch, schema: pa.Schema) -> pa.RecordBatch:
    assert batch.masks is not None
    packed = tables.pack_masks(batch.masks.numpy(), batch.has_mask)
    return pa.RecordBatch.from_arrays(
        [pa.array(batch.ids, pa.string()), pa.array(packed, pa.binary())], schema=schema
    )
