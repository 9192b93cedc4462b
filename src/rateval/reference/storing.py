"""A method's answers in a store: rows and verdicts as a study's own run has them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from rateval.records.facts import InferFacts, JudgeFacts
from rateval.reference.files import Answers, Method
from rateval.reference.numbers import Counted
from rateval.store.identity import identify
from rateval.store.rows import ROWS, VERDICTS_BY_EDITS, RowWriter, write_relevance
from rateval.store.store import Store, Stored

_ROWS = pa.schema(
    [
        pa.field("index", pa.int64(), nullable=False),
        pa.field("id", pa.string(), nullable=False),
        pa.field("label", pa.int32(), nullable=False),
        pa.field("prediction", pa.int32(), nullable=False),
        pa.field("correct", pa.bool_(), nullable=False),
        pa.field("mask_area", pa.float32()),
        pa.field("relevance_max", pa.float32()),
    ]
)
"""Columns of a prediction; nothing is known of masks and maps."""


def store_method(
    store: Store, answers: Answers, method: Method, one: Counted
) -> tuple[Stored, Stored]:
    """Store a method's predictions and its verdicts; return what is stored of either."""
    size = len(answers.labels)
    ids = [f"image-{at:06}" for at in range(size)]
    correct = one.outcomes.correct
    columns = {
        "index": np.arange(size),
        "id": ids,
        "label": answers.labels.astype(np.int32),
        "prediction": method.predictions.astype(np.int32),
        "correct": correct,
        "mask_area": pa.nulls(size, pa.float32()),
        "relevance_max": pa.nulls(size, pa.float32()),
    }
    verdicts = {
        "id": ids,
        "score": pa.nulls(size, pa.float32()),
        "valid": method.valid,
        "undefined": pa.nulls(size, pa.string()),
        "known": np.ones(size, dtype=np.bool_),
    }

    def infer(folder: Path) -> Mapping[str, Any]:
        _write(folder, pa.table(columns, schema=_ROWS))
        write_relevance(folder, np.zeros((size, 0, 0), dtype=np.float16))
        return InferFacts(count=size, skipped=()).model_dump(mode="json")

    def judge(folder: Path) -> Mapping[str, Any]:
        _write(folder, pa.table(verdicts, schema=VERDICTS_BY_EDITS))
        quadrants = one.outcomes.quadrants()
        return JudgeFacts(undefined={}, quadrants=quadrants).model_dump(mode="json")

    said = {"labels": answers.labels.tolist(), "predictions": method.predictions.tolist()}
    inferred = store.make("infer", {"reference": identify(said)}, infer)
    valid = identify({"valid": method.valid.tolist()})
    return inferred, store.make("judge", {"infer": inferred.identity, "reference": valid}, judge)


def _write(folder: Path, rows: pa.Table) -> None:
    with RowWriter(folder / ROWS, rows.schema) as writer:
        writer.write(rows)
