"""The promises of a task, tried on a small one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import torch

from rateval.api.tasks.task import Outputs, Posed, Task
from rateval.api.values import Asked
from rateval.testing.failure import describe, require, require_members

_CLASSES = ("one", "two", "three")


class _Three:
    """What a dataset of three classes says of them."""

    classes = _CLASSES
    wordings = tuple((name,) for name in _CLASSES)


_COLUMNS = {"label", "prediction", "correct"}


def check_task(task: Any) -> None:
    """Check a task over three classes; raises ConformanceError at the first broken promise."""
    require_members(task, Task)
    posed = task.pose(_Three())
    require_members(posed, Posed)
    whole = isinstance(posed.outputs, int) and posed.outputs > 0
    require(whole, "Posed.outputs", "be a number from 1", posed.outputs)
    names = posed.schema.names
    require(set(names) >= _COLUMNS, "Posed.schema", f"hold {sorted(_COLUMNS)}", names)
    outputs = Outputs(torch.eye(3, posed.outputs), _CLASSES)
    labels, asked = np.arange(3), tuple(Asked("which?", (name,)) for name in _CLASSES)
    predictions = posed.predictions(outputs)
    numbers = predictions.numbers
    sound = numbers.shape == (3,) and numbers.dtype == np.int64
    require(sound, "Posed.predictions()", "give (3,) int64 numbers", describe(numbers))
    correct = posed.correct(predictions, labels, asked)
    sound = correct.shape == (3,) and correct.dtype == np.bool_
    require(sound, "Posed.correct()", "be (3,) bool", describe(correct))
    columns = posed.columns(outputs, labels, asked)
    require(set(columns) == set(names), "Posed.columns()", f"be {names}", sorted(columns))
    rows = pa.RecordBatch.from_arrays([columns[name] for name in names], schema=posed.schema)
    told = rows.column("correct").to_pylist()
    require(told == correct.tolist(), "Posed.columns()", "say what correct() says", told)
