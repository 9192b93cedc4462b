"""What a prediction is, and what can be said of it without masks."""

from __future__ import annotations

import math

import numpy as np
import pyarrow as pa
import pytest
import torch

from rateval.api.tasks.task import Outputs, Posed, Predictions
from rateval.tasks.classification import OneOf, probabilities_of

TASK: Posed = OneOf(3)
LOGITS = torch.tensor([[0.0, 1.0, -1.0], [2.0, 0.0, 2.0], [-3.0, -2.0, -1.0]])
OUTPUTS = Outputs(LOGITS)
NOTHING = (None, None, None)


def test_the_columns_are_those_declared() -> None:
    columns = TASK.columns(OUTPUTS, np.array([1, 2, 2]), NOTHING)
    rows = pa.Table.from_pydict(dict(columns), TASK.schema).to_pydict()
    assert list(columns) == TASK.schema.names
    assert rows["prediction"] == TASK.predictions(OUTPUTS).numbers.tolist() == [1, 0, 2]
    assert rows["correct"] == [True, False, True]
    for given, found in zip(LOGITS.tolist(), rows["probabilities"], strict=True):
        total = sum(math.exp(value) for value in given)
        assert found == pytest.approx([math.exp(value) / total for value in given], abs=1e-6)


def test_what_is_explained_is_the_probability_of_the_class_predicted_before() -> None:
    found = probabilities_of(OUTPUTS, Predictions(np.array([1, 1, 0])))
    rows = TASK.columns(OUTPUTS, np.zeros(3, np.int64), NOTHING)["probabilities"].to_pylist()
    assert found.dtype == np.float64
    assert found == pytest.approx([rows[0][1], rows[1][1], rows[2][0]], abs=1e-6)
