"""The promises of a task, tried on a small one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import torch

from rateval.api.tasks.task import Outputs, Posed, Task
from rateval.api.values import Asked
from rateval.testing.failure import describe, part, require, require_members

_CLASSES = ("one", "two", "three")


class _Several:
    """What a dataset says of its classes."""

    def __init__(self, classes: tuple[str, ...]) -> None:
        self.classes = classes
        self.wordings = tuple((name,) for name in classes)


_COLUMNS = {"label", "prediction", "correct"}


def check_task(task: Any) -> None:
    """Check a task over three classes; raises ConformanceError at the first broken promise."""
    require_members(task, Task)
    check_posed(task, _CLASSES)


def check_posed(task: Any, classes: tuple[str, ...]) -> None:
    """Check a task as it is posed over some classes."""
    posed = task.pose(_Several(classes))
    require_members(posed, Posed)
    whole = isinstance(posed.outputs, int) and posed.outputs > 0
    require(whole, "Posed.outputs", "be a number from 1", posed.outputs)
    names = posed.schema.names
    require(set(names) >= _COLUMNS, "Posed.schema", f"hold {sorted(_COLUMNS)}", names)
    for off in (0, 1):  # right answers, then wrong ones where there are several classes
        with part("Posed.predictions()"):
            _check_answers(posed, names, classes, off)


def _check_answers(posed: Any, names: list[str], classes: tuple[str, ...], off: int) -> None:
    count = len(classes)
    outputs = Outputs(torch.eye(count, posed.outputs), classes)
    labels = np.roll(np.arange(count), off)
    asked = tuple(Asked("which?", (classes[label],)) for label in labels)
    predictions = posed.predictions(outputs)
    numbers = predictions.numbers
    sound = numbers.shape == (count,) and numbers.dtype == np.int64
    require(sound, "Posed.predictions()", f"give ({count},) int64 numbers", describe(numbers))
    correct = posed.correct(predictions, labels, asked)
    sound = correct.shape == (count,) and correct.dtype == np.bool_
    require(sound, "Posed.correct()", f"be ({count},) bool", describe(correct))
    columns = posed.columns(outputs, labels, asked)
    require(set(columns) == set(names), "Posed.columns()", f"be {names}", sorted(columns))
    rows = pa.RecordBatch.from_arrays([columns[name] for name in names], schema=posed.schema)
    told = rows.column("correct").to_pylist()
    require(told == correct.tolist(), "Posed.columns()", "say what correct() says", told)
