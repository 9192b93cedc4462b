"""Judge stored relevance maps against stored masks; no model is touched."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import torch

from rateval.api.protocols import Monitor, Validator
from rateval.api.values import Verdict
from rateval.errors import PluginError
from rateval.records.facts import JudgeFacts
from rateval.store import rows as tables
from rateval.workbench.outcomes import read_outcomes

NO_MASK = "no mask"


def judge(
    validator: Validator,
    inferred: Path,
    batch_size: int,
    monitor: Monitor,
    folder: Path,
    device: str,
) -> JudgeFacts:
    """Write one verdict per row of ``inferred`` into ``folder``; return what they come to.

    The validator works on ``device``. Raises PluginError when it returns something else than its
    protocol promises.
    """
    relevance = tables.read_relevance(inferred)
    monitor.begin(len(relevance))
    undefined: Counter[str] = Counter()
    start = 0
    with pq.ParquetWriter(folder / tables.ROWS, tables.VERDICTS) as writer:
        for ids, masks, present in tables.read_masks(inferred, batch_size):
            maps = torch.from_numpy(relevance[start : start + len(ids)]).float()
            verdict = validator.judge(maps.to(device), torch.from_numpy(masks).to(device))
            _check(verdict, len(ids))
            rows = _rows(ids, verdict, present)
            undefined.update(reason for reason in rows.column("undefined").to_pylist() if reason)
            writer.write_batch(rows)
            start += len(ids)
            monitor.advance(len(ids))
    outcomes = read_outcomes(inferred, folder)
    return JudgeFacts(undefined=dict(undefined), quadrants=outcomes.quadrants())


def _check(verdict: Verdict, count: int) -> None:
    shapes = {tuple(t.shape) for t in (verdict.score, verdict.valid, verdict.defined)}
    if shapes != {(count,)} or len(verdict.reasons) != count:
        raise PluginError(
            f"the validator returned a verdict of shapes {sorted(shapes)} and "
            f"{len(verdict.reasons)} reasons for {count} images"
        )
    if bool((verdict.valid & ~verdict.defined).any()):
        raise PluginError("the validator called evidence valid where its score is undefined")
    if not bool(torch.isfinite(verdict.score[verdict.defined]).all()):
        raise PluginError("the validator returned a score that is not finite yet called defined")


def _rows(ids: list[str], verdict: Verdict, present: list[bool]) -> pa.RecordBatch:
    reasons = [
        None if ok and there else (reason if there else NO_MASK)
        for ok, there, reason in zip(
            verdict.defined.tolist(), present, verdict.reasons, strict=True
        )
    ]
    scores = [
        score if reason is None else None
        for score, reason in zip(verdict.score.tolist(), reasons, strict=True)
    ]
    valid = [
        ok and reason is None for ok, reason in zip(verdict.valid.tolist(), reasons, strict=True)
    ]
    return pa.RecordBatch.from_pydict(
        {"id": ids, "score": scores, "valid": valid, "undefined": reasons}, tables.VERDICTS
    )
