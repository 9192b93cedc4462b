"""Stored relevance maps judged against stored masks; no model is touched."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import torch

from rateval.api.protocols import Validator
from rateval.api.training import Monitor
from rateval.api.values import Verdict
from rateval.records.facts import JudgeFacts
from rateval.store import rows as tables
from rateval.workbench.judging import judge_batch
from rateval.workbench.outcomes import read_outcomes

CPU_BATCH = 16
"""Images that a CPU judges at once at most: their maps stay in its cache, where those of 64 took
1.5 times as long. Verdicts don't depend on it."""


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
    with tables.RowWriter(folder / tables.ROWS, tables.VERDICTS) as writer:
        writer.write(pa.Table.from_batches(batches, tables.VERDICTS))
    outcomes = read_outcomes(inferred, folder)
    states = outcomes.states()
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
