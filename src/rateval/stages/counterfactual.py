"""Counterfactual evidence: does an answer stay with the object, and go without it?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import torch
from numpy.typing import NDArray

from rateval.api.training import Monitor
from rateval.data.batches import Batch
from rateval.modelkit.filling import Filling, View, grow
from rateval.records.facts import CounterfactualFacts
from rateval.store import rows as tables
from rateval.store.rows import EMPTY_MASK, NO_MASK
from rateval.workbench.cell import Job
from rateval.workbench.donors import Donors
from rateval.workbench.explain import predict_batch

FULL_MASK, NO_DONOR = "mask of the whole view", "no image that lends a background"
"""Why nothing is known of an image, beside what verdicts name."""

SCHEMA = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("prediction", pa.int32(), nullable=False),
        pa.field("undefined", pa.string()),
        pa.field("donors", pa.int16(), nullable=False),
        pa.field("kept_on_object", pa.float32()),
        pa.field("kept_without_object", pa.bool_()),
        pa.field("gap", pa.float32()),
    ]
)
"""Columns that this stage writes; the last three are null where ``undefined`` says why."""


@dataclass(frozen=True, slots=True)
class Edits:
    """What ``[counterfactual]`` says of the edited images."""

    donors: int
    """Backgrounds that each object is put on."""
    background: str
    """``swap``, or what a background is filled with in place of other images' ones."""
    object: Filling
    """What the object is filled with."""

    @property
    def versions(self) -> int:
        """How many images of the object alone are made of each image."""
        return self.donors if self.background == "swap" else 1


@dataclass(frozen=True, slots=True, eq=False)
class _Prepared:
    """A batch, and what can be said of it before anything is predicted."""

    batch: Batch
    reasons: tuple[str, ...]
    """Per image why nothing can be known of it, empty where something can."""
    chosen: tuple[tuple[int, ...], ...]
    """Per image the positions of its donors."""
    removed: torch.Tensor
    """(B, 3, H, W) the images without their objects."""


def counterfactual(
    job: Job, edits: Edits, donors: Donors, monitor: Monitor, folder: Path
) -> CounterfactualFacts:
    """Write, per image of the test split, whether its answer stays with its object and without it.

    An answer is the class predicted on the whole image. ``kept_on_object`` is how often it stays on
    other images' backgrounds, ``kept_without_object`` whether it does once the object is filled in
    from around it, and ``gap`` how much of the answer's probability goes with the object.

    Source: the form of FPVG, Reich, Putze, Schultz, Findings of EMNLP 2023.
    """
    monitor.begin(len(job.split))
    card = job.classifier.model.card
    view = View(card.mean, card.std)
    undefined: Counter[str] = Counter()
    few = count = 0
    with tables.RowWriter(folder / tables.ROWS, SCHEMA) as writer:
        for prepared in _prepare_ahead(job, edits, donors, view):
            if len(prepared.batch):
                writer.write(_answer(job, edits, donors, view, prepared))
            undefined.update(filter(None, prepared.reasons))
            few += sum(
                not reason and len(chosen) < edits.versions
                for reason, chosen in zip(prepared.reasons, prepared.chosen, strict=True)
            )
            count += len(prepared.batch)
            monitor.advance(len(prepared.batch) + len(prepared.batch.skipped))
    return CounterfactualFacts(
        count=count, undefined=dict(undefined), fewer_donors=few, pool=len(donors.ids)
    )


def _prepare_ahead(job: Job, edits: Edits, donors: Donors, view: View) -> Iterator[_Prepared]:
    """Yield the batches of the test split; objects of the next are removed while one is used."""
    with ThreadPoolExecutor(max(1, job.readers), thread_name_prefix="rateval-edits") as pool:
        waiting: _Prepared | None = None
        removing: list[Future[torch.Tensor]] = []
        for batch in job.batches(range(len(job.split)), masks=True):
            reasons, chosen = _choose(batch, edits, donors)
            started = _remove(pool, view, batch, reasons, edits.object)
            if waiting is not None:
                yield replace(waiting, removed=_collect(waiting.batch, removing))
            waiting, removing = _Prepared(batch, reasons, chosen, batch.images), started
        if waiting is not None:
            yield replace(waiting, removed=_collect(waiting.batch, removing))


def _choose(
    batch: Batch, edits: Edits, donors: Donors
) -> tuple[tuple[str, ...], tuple[tuple[int, ...], ...]]:
    assert batch.masks is not None
    reasons, chosen = [], []
    whole = batch.masks.flatten(1)
    for at, (has, any_, all_) in enumerate(
        zip(batch.has_mask, whole.any(1).tolist(), whole.all(1).tolist(), strict=True)
    ):
        found: list[int] = []
        reason = NO_MASK if not has else EMPTY_MASK if not any_ else FULL_MASK if all_ else ""
        if not reason and edits.background == "swap":
            found = donors.draw(batch.ids[at], int(batch.labels[at]), edits.donors)
            reason = "" if found else NO_DONOR
        reasons.append(reason)
        chosen.append(tuple(found))
    return tuple(reasons), tuple(chosen)


def _remove(
    pool: ThreadPoolExecutor, view: View, batch: Batch, reasons: Sequence[str], filling: Filling
) -> list[Future[torch.Tensor]]:
    assert batch.masks is not None
    regions = grow(batch.masks) if len(batch) else batch.masks
    return [
        pool.submit(view.fill_one, batch.images[at], regions[at], filling)
        for at, reason in enumerate(reasons)
        if not reason
    ]


def _collect(batch: Batch, removing: Sequence[Future[torch.Tensor]]) -> torch.Tensor:
    """Return the images without their objects, of those that have one."""
    done = [future.result() for future in removing]
    return torch.stack(done) if done else batch.images[:0]


def _answer(
    job: Job, edits: Edits, donors: Donors, view: View, prepared: _Prepared
) -> pa.RecordBatch:
    """Predict the whole images and their edits, and compare."""
    batch = prepared.batch
    logits = predict_batch(job, batch)
    answers = job.task.predict(logits)
    able = [at for at, reason in enumerate(prepared.reasons) if not reason]
    kept_on, confident_on = np.zeros(len(batch)), np.zeros(len(batch))
    made = np.zeros(len(batch), dtype=np.int16)
    for at, images in _on_object(batch, able, edits, donors, view, prepared.chosen):
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
            "prediction": pa.array(answers, pa.int32()),
            "undefined": pa.array([reason or None for reason in prepared.reasons], pa.string()),
            "donors": pa.array([len(found) for found in prepared.chosen], pa.int16()),
            "kept_on_object": pa.array((kept_on * share).astype(np.float32), mask=~known),
            "kept_without_object": pa.array(without, mask=~known),
            "gap": pa.array(
                (confident_on * share - confident_without).astype(np.float32), mask=~known
            ),
        },
        SCHEMA,
    )


def _on_object(
    batch: Batch,
    able: Sequence[int],
    edits: Edits,
    donors: Donors,
    view: View,
    chosen: Sequence[Sequence[int]],
) -> Iterator[tuple[list[int], torch.Tensor]]:
    """Yield the objects on other backgrounds: positions in the batch, and their images."""
    assert batch.masks is not None
    for version in range(edits.versions):
        if edits.background != "swap":
            filling: Filling = "grey" if edits.background == "grey" else "blur"
            at = list(able)
            if at:
                yield at, view.fill(batch.images[at], ~batch.masks[at], filling)
            continue
        at = [position for position in able if len(chosen[position]) > version]
        if at:
            lent = donors.backgrounds[[chosen[position][version] for position in at]]
            yield at, torch.where(batch.masks[at, None], batch.images[at], lent)


def _ask(
    job: Job,
    batch: Batch,
    at: Sequence[int],
    images: torch.Tensor,
    answers: NDArray[np.int64],
) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Return of each edited image whether the answer stays, and its probability."""
    asked = replace(
        batch, images=images, ids=tuple(batch.ids[i] for i in at), labels=batch.labels[list(at)]
    )
    logits = predict_batch(job, asked)
    given = answers[list(at)]
    return job.task.predict(logits) == given, job.task.explained(logits, given.tolist())
