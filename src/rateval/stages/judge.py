"""Stored relevance maps judged against stored masks, or stored answers; no model is touched."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from numpy.typing import NDArray

from rateval.api.edits import EditsValidator
from rateval.api.protocols import Validator
from rateval.api.training import Monitor
from rateval.api.values import Verdict
from rateval.records.facts import JudgeFacts
from rateval.store import rows as tables
from rateval.workbench.verdicts.judging import CPU_BATCH, judge_answers, judge_batch
from rateval.workbench.verdicts.outcomes import Edited, find_causal, read_answers, read_outcomes


def judge(
    validator: Validator,
    inferred: Path,
    batch_size: int,
    monitor: Monitor,
    folder: Path,
    device: str,
) -> JudgeFacts:
    """Write one verdict per row of ``inferred`` into ``folder``; return their counts.

    The validator works on ``device``. Raises PluginError when it returns something else than its
    protocol promises.
    """
    relevance = tables.read_relevance(inferred)
    monitor.begin(len(relevance))
    undefined: Counter[str] = Counter()
    start = 0
    if device == "cpu":
        batch_size = min(batch_size, CPU_BATCH)
    batches: list[pa.RecordBatch] = []
    for ids, masks, present in tables.read_masks(inferred, batch_size):
        maps = relevance[start : start + len(ids)]
        verdict = judge_batch(validator, maps, torch.from_numpy(masks), present, device)
        rows = _rows(ids, verdict)
        undefined.update(reason for reason in rows.column("undefined").to_pylist() if reason)
        batches.append(rows)
        start += len(ids)
        monitor.advance(len(ids))
    # At once: a file in thousands of small groups is slow to read.
    _write(folder, pa.Table.from_batches(batches, tables.VERDICTS))
    return _count(inferred, folder, undefined)


def judge_edits(
    validator: EditsValidator,
    inferred: Path,
    edited: Edited,
    monitor: Monitor,
    folder: Path,
    device: str,
) -> JudgeFacts:
    """Write one verdict per row of ``inferred`` by the ``edited`` answers of the same images.

    Where no answer is known the verdict is undefined, and whatever is undefined is not known.
    Raises PluginError as ``judge`` does, and RatevalError where the images are others.
    """
    ids = tables.read_rows(inferred, ["id"]).column("id")
    answers = read_answers(edited.folder, ids)
    monitor.begin(len(ids))
    causal, known = find_causal(answers, edited.keep)
    asked = {
        name: torch.from_numpy(answers.column(name).filter(known).to_numpy().copy())
        for name in ("kept_on_object", "kept_without_object", "gap")
    }
    asked["causal"] = torch.from_numpy(causal[known])
    verdict = _spread(judge_answers(validator, asked, int(known.sum()), device), known, answers)
    rows = pa.Table.from_batches([_rows(ids.to_pylist(), verdict)])
    _write(folder, rows.append_column(tables.KNOWN, [verdict.defined.numpy()]))
    monitor.advance(len(ids))
    return _count(inferred, folder, Counter(filter(None, verdict.reasons)))


def _spread(verdict: Verdict, known: NDArray[np.bool_], answers: pa.Table) -> Verdict:
    """Return the verdict on all images, undefined for what nothing is known of."""
    at = torch.from_numpy(np.flatnonzero(known))
    score, valid, defined = (
        torch.zeros(len(known), dtype=part.dtype).index_copy(0, at, part)
        for part in (verdict.score, verdict.valid, verdict.defined)
    )
    reasons = [reason or "" for reason in answers.column("undefined").to_pylist()]
    for place, reason in zip(at.tolist(), verdict.reasons, strict=True):
        reasons[place] = reason
    return Verdict(score, valid, defined, tuple(reasons))


def _write(folder: Path, rows: pa.Table) -> None:
    with tables.RowWriter(folder / tables.ROWS, rows.schema) as writer:
        writer.write(rows)


def _count(inferred: Path, folder: Path, undefined: Counter[str]) -> JudgeFacts:
    states = read_outcomes(inferred, folder).states()
    quadrants = {state: count for state, count in states.items() if count or "U" not in state}
    return JudgeFacts(undefined=dict(undefined), quadrants=quadrants)


def _rows(ids: list[str], verdict: Verdict) -> pa.RecordBatch:
    defined = verdict.defined.tolist()
    columns: dict[str, Any] = {
        "id": ids,
        "score": [
            score if ok else None for score, ok in zip(verdict.score.tolist(), defined, strict=True)
        ],
        "valid": verdict.valid.tolist(),
        "undefined": [
            None if ok else reason for reason, ok in zip(verdict.reasons, defined, strict=True)
        ],
    }
    return pa.RecordBatch.from_pydict(columns, tables.VERDICTS)
