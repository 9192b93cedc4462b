"""The promises of a task, tried on a small one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import torch

from rateval.api.tasks.task import Explained, Inputs, Outputs, Posed, Task, Units
from rateval.api.tasks.texts import Answer, Answered
from rateval.api.values import Asked, Depicted, Explanation
from rateval.errors import PluginError
from rateval.testing.failure import ConformanceError, describe, part, require, require_members
from rateval.workbench.units import require_units

_CLASSES = ("one", "two", "three")
_TEXTS = ("one", "three before two", "no number")
"""What is said of three images; of captions it has two classes in one, and none in another."""
_SIDE = 4


class _Several:
    """What a dataset says of its classes."""

    def __init__(self, classes: tuple[str, ...]) -> None:
        self.classes = classes
        self.wordings = tuple((name,) for name in classes)


class _Model:
    """A model of any kind, which says the same of any images."""

    grid = (2, 2)

    def generate(self, images: torch.Tensor, questions: Any) -> list[Answer]:
        """Return what is said, text by text."""
        return [Answer(text, -1.0) for text in _TEXTS[: len(images)]]

    def rank(self, images: torch.Tensor, questions: Any, candidates: Any) -> torch.Tensor:
        """Return log probabilities of which the first is the highest."""
        return -torch.arange(len(candidates)).float().repeat(len(images), 1) - 1


class _Classifier:
    """A classifier that any task can ask."""

    model = _Model()

    def __init__(self, classes: int) -> None:
        self._classes = classes

    def logits(self, images: torch.Tensor) -> torch.Tensor:
        """Return scores of the classes, another one highest for each image."""
        return torch.eye(self._classes).repeat(len(images), 1)[: len(images)]


class _Attribution:
    """An attribution that any task can have explain."""

    def explain(self, classifier: Any, images: torch.Tensor, *_: object) -> Explanation:
        """Return maps and scores of classes."""
        return Explanation(torch.ones(len(images), 2, 2), classifier.logits(images))

    def explain_answers(self, answerer: Any, answered: Answered) -> Explanation:
        """Return a map for each text."""
        return Explanation(torch.ones(len(answered.answers), 2, 2))


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
    columns = {"label", "prediction", "correct"}
    require(set(names) >= columns, "Posed.schema", f"hold {sorted(columns)}", names)
    inputs = _make_inputs(classes)
    found = posed.explain(_Attribution(), _Classifier(len(classes)), inputs)
    kind = isinstance(found, Explained) and isinstance(found.explanation, Explanation)
    require(kind, "Posed.explain()", "give an Explained", describe(found))
    given = found.outputs or Outputs(found.explanation.logits)
    labels, asked = inputs.labels.numpy(), inputs.asked
    if found.units is not None:
        _check_units(found.units)
        labels = found.units.labels
        asked = tuple(asked[place] for place in found.units.places)
    count = len(labels)
    maps = found.explanation.relevance.shape
    where = "Posed.explain().explanation"
    require(maps == (count, 2, 2), where, f"have {count} maps of the model's grid", maps)
    with part("Posed.predictions()"):
        _check_outputs(posed, given, labels, asked)
    if found.units is None:  # wrong answers, too, where there are several classes
        with part("Posed.predictions()"):
            _check_outputs(posed, given, np.roll(labels, 1), (*asked[1:], asked[0]))


def _make_inputs(classes: tuple[str, ...]) -> Inputs:
    labels = [at % len(classes) for at in range(3)]
    mask = np.ones((_SIDE, _SIDE), dtype=np.bool_)
    return Inputs(
        images=torch.zeros(3, 3, _SIDE, _SIDE),
        labels=torch.tensor(labels),
        ids=("a", "b", "c"),
        asked=tuple(Asked("which?", (classes[label],)) for label in labels),
        sizes=((_SIDE, _SIDE),) * 3,
        depicted=tuple((Depicted(label, mask),) for label in labels),
    )


def _check_units(units: Units) -> None:
    """Check units of three samples, as a run does."""
    try:
        require_units(units, 3)
    except PluginError as error:
        raise ConformanceError(f"Posed.explain().units: {error.args[0]}") from error


def _check_outputs(posed: Any, outputs: Outputs, labels: Any, asked: Any) -> None:
    """Check predictions, and what is kept of them, of as many units as there are labels."""
    count, names = len(labels), posed.schema.names
    shape = tuple(outputs.numbers.shape)
    got = f"{shape} where Posed.outputs is {posed.outputs}"
    fits = shape == (count, posed.outputs)
    require(fits, "Outputs.numbers", f"be ({count}, K), K being Posed.outputs", got)
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
