"""Counterfactual evidence: does an answer stay with the object, and go without it?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import torch
from numpy.typing import NDArray

from rateval.api.tasks.task import Predictions
from rateval.api.training import Monitor
from rateval.data.batches import Batch
from rateval.modelkit.filling import View
from rateval.records.facts import CounterfactualFacts
from rateval.store import rows as tables
from rateval.workbench.cell import Job
from rateval.workbench.donors import Donors
from rateval.workbench.edits import Edits, Prepared, put_on_backgrounds
from rateval.workbench.explain import follow_batch, predict_batch


def counterfactual(
    job: Job,
    edits: Edits,
    donors: Donors,
    batches: Iterable[Prepared],
    monitor: Monitor,
    folder: Path,
    predicted: Mapping[str, tuple[int, str]] = MappingProxyType({}),
) -> CounterfactualFacts:
    """Write, per image of the test split that is prepared, whether its answer hangs on its object.

    An answer is what is predicted on the whole image; where the ids of all images of a batch have
    been ``predicted`` already (a number, and a text where numbers don't tell), they are not shown
    to the classifier again. ``kept_on_object`` is
    how often it stays on other images' backgrounds, ``kept_without_object`` whether it does once
    the object is filled in from around it, and ``gap`` how much of the answer's probability goes
    with the object.

    Source: the form of FPVG, Reich, Putze, Schultz, Findings of EMNLP 2023.
    """
    card = job.classifier.model.card
    view = View(card.mean, card.std)
    rectangles = 0
    with tables.RowWriter(folder / tables.ROWS, tables.ANSWERS) as writer:
        for prepared in batches:
            if len(prepared.batch):
                answers = _find_answers(job, prepared.batch, predicted)
                writer.write(_answer(job, edits, donors, view, prepared, answers))
            rectangles += prepared.rectangles
            monitor.advance(len(prepared.batch) + len(prepared.batch.skipped))
    return _summarise(folder, edits, len(donors.ids), rectangles)


def merge_answers(
    parts: Sequence[tuple[Path, CounterfactualFacts]], edits: Edits, folder: Path
) -> CounterfactualFacts:
    """Write what ``counterfactual`` wrote for consecutive parts into ``folder``."""
    tables.concatenate_file(tables.ROWS, [path for path, _ in parts], folder)
    counts = [facts.rectangles for _, facts in parts]
    known = [count for count in counts if count is not None]
    rectangles = sum(known) if len(known) == len(counts) else None
    return _summarise(folder, edits, parts[0][1].pool, rectangles)


def _summarise(
    folder: Path, edits: Edits, pool: int, rectangles: int | None
) -> CounterfactualFacts:
    rows = tables.read_rows(folder)
    known = rows.filter(pc.is_null(rows.column("undefined")))
    right = known.filter(known.column("correct"))
    undefined = Counter(filter(None, rows.column("undefined").to_pylist()))
    few = 0
    if edits.background == "swap":
        few = sum(count < edits.donors for count in known.column("donors").to_pylist())
    return CounterfactualFacts(
        count=len(rows),
        undefined=dict(undefined),
        fewer_donors=few,
        pool=pool,
        right=len(right),
        rectangles=rectangles,
        **{
            name: pc.mean(right.column(name).cast(pa.float64())).as_py()
            for name in ("kept_on_object", "kept_without_object", "gap")
        },
    )


def _find_answers(job: Job, batch: Batch, predicted: Mapping[str, tuple[int, str]]) -> Predictions:
    """Return what is predicted on the whole images."""
    if all(name in predicted for name in batch.ids):
        numbers, texts = zip(*(predicted[name] for name in batch.ids), strict=True)
        return Predictions(np.array(numbers, dtype=np.int64), texts if any(texts) else ())
    return job.task.predictions(predict_batch(job, batch))


def _answer(
    job: Job,
    edits: Edits,
    donors: Donors,
    view: View,
    prepared: Prepared,
    answers: Predictions,
) -> pa.RecordBatch:
    """Predict the edited images, and compare with the answers to the whole ones."""
    batch = prepared.batch
    able = [at for at, reason in enumerate(prepared.reasons) if not reason]
    kept_on, confident_on = np.zeros(len(batch)), np.zeros(len(batch))
    made = np.zeros(len(batch), dtype=np.int16)
    for at, images in put_on_backgrounds(batch, able, edits, donors, view, prepared.chosen):
        kept, confidence = _ask(job, batch, at, images, answers)
        kept_on[at] += kept
        confident_on[at] += confidence
        made[at] += 1
    without, confident_without = np.zeros(len(batch), dtype=bool), np.zeros(len(batch))
    if able:
        without[able], confident_without[able] = _ask(job, batch, able, prepared.removed, answers)
    known = made > 0
    share = np.divide(1, made, where=known, out=np.zeros(len(batch)))
    return pa.RecordBatch.from_pydict(
        {
            "id": pa.array(batch.ids, pa.string()),
            "prediction": pa.array(answers.numbers, tables.ANSWERS.field("prediction").type),
            "correct": pa.array(job.task.correct(answers, batch.labels.numpy(), batch.asked)),
            "undefined": pa.array([reason or None for reason in prepared.reasons], pa.string()),
            "donors": pa.array([len(found) for found in prepared.chosen], pa.int16()),
            "kept_on_object": pa.array((kept_on * share).astype(np.float32), mask=~known),
            "kept_without_object": pa.array(without, mask=~known),
            "gap": pa.array(
                (confident_on * share - confident_without).astype(np.float32), mask=~known
            ),
        },
        tables.ANSWERS,
    )


def _ask(
    job: Job,
    batch: Batch,
    at: Sequence[int],
    images: torch.Tensor,
    answers: Predictions,
) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Return of each edited image whether the answer stays, and its probability."""
    asked = replace(
        batch,
        images=images,
        ids=tuple(batch.ids[i] for i in at),
        labels=batch.labels[list(at)],
        asked=tuple(batch.asked[i] for i in at),
    )
    given = answers.at(at)
    outputs, sure = follow_batch(job, asked, given)
    return job.task.predictions(outputs).numbers == given.numbers, sure
