"""What a prediction is, and what can be said of it without masks."""

from __future__ import annotations

import math

import numpy as np
import pyarrow as pa
import pytest
import torch

from rateval.api.protocols import Metric
from rateval.api.tasks.task import Task
from rateval.api.values import Outcomes, Score
from rateval.facade import create
from rateval.tasks.classification import Classification

TASK: Task = Classification(3)
LOGITS = torch.tensor([[0.0, 1.0, -1.0], [2.0, 0.0, 2.0], [-3.0, -2.0, -1.0]])


def test_the_columns_are_those_declared() -> None:
    columns = TASK.columns(LOGITS, np.array([1, 2, 2]))
    rows = pa.Table.from_pydict(dict(columns), TASK.schema).to_pydict()
    assert list(columns) == TASK.schema.names
    assert rows["prediction"] == TASK.predict(LOGITS).tolist() == [1, 0, 2]
    assert rows["correct"] == [True, False, True]
    for given, found in zip(LOGITS.tolist(), rows["probabilities"], strict=True):
        total = sum(math.exp(value) for value in given)
        assert found == pytest.approx([math.exp(value) / total for value in given], abs=1e-6)


def test_what_is_explained_is_the_probability_of_the_class_predicted_before() -> None:
    found = TASK.explained(LOGITS, [1, 1, 0])
    rows = TASK.columns(LOGITS, np.zeros(3, np.int64))["probabilities"].to_pylist()
    assert found.dtype == np.float64
    assert found == pytest.approx([rows[0][1], rows[1][1], rows[2][0]], abs=1e-6)


class Counts:
    """A metric of a test's own."""

    label = "own"

    def __init__(self, kind: str) -> None:
        self._kind = kind

    def compute(self, outcomes: Outcomes) -> Score:
        valid, total = int(outcomes.valid.sum()), len(outcomes.valid)
        if self._kind == "valid share":
            return Score.share(valid, total)
        if self._kind == "balance":  # none and all come to the same
            return Score.share(min(valid, total - valid), total)
        if self._kind == "wrong on valid evidence":
            return Score.share(int((outcomes.valid & ~outcomes.correct).sum()), total)
        return Score.share(int((~outcomes.correct).sum()), total)


@pytest.mark.parametrize(
    ("metric", "needs"),
    [
        (create("metric", "accuracy"), False),
        (create("metric", "pt"), True),
        (create("metric", "ir"), True),
        (Counts("valid share"), True),
        (Counts("balance"), True),
        (Counts("wrong on valid evidence"), True),
        (Counts("errors"), False),
    ],
)
def test_a_metric_needs_masks_if_it_looks_at_evidence(metric: Metric, needs: bool) -> None:
    assert TASK.needs_masks(metric) is needs
