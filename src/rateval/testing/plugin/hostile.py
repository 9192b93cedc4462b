"""Inputs at the edge of what a run may hand to a component: of everything as little as can be."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from PIL import Image

from rateval.api.component import EDITS, Component
from rateval.api.kinds import Kind
from rateval.api.values import Explanation, Outcomes, Sample, Skipped
from rateval.errors import RatevalError
from rateval.testing.answering.tasks import check_posed
from rateval.testing.datasets import check_sample
from rateval.testing.failure import part, require, require_tensor
from rateval.testing.judging.verdicts import JUDGE, check_form
from rateval.testing.logbook import RecordingLogbook
from rateval.testing.plugin.one_class import OneClass
from rateval.testing.tiny.model import tiny_classifier, tiny_model


def check_hostile(kind: Kind, component: Component, made: Any) -> None:
    """Check an object on an empty mask, a constant map, one image, one class and their like.

    Raises ConformanceError at the first broken promise.
    """
    if component.protocol or (kind == "validator" and component.needs == EDITS):
        return
    if kind == "attribution" and "classification" not in component.tasks:
        return  # its suite tries texts alone and among others
    check = _CHECKS.get(kind)
    if kind == "metric":
        _check_metric(made, edits=bool(component.needs))
    elif check is not None:
        check(made)


def _check_attribution(attribution: Any) -> None:
    where = "Attribution.explain"
    for classes, value, what in ((1, 0.3, "one class"), (3, 0.0, "a picture of one colour")):
        classifier, images = tiny_classifier(classes), torch.full((1, 3, 24, 32), value)
        with part(f"{where}, of one image and {what},"):
            found = attribution.explain(
                classifier, images, torch.zeros(1, dtype=torch.int64), ["0"]
            )
            require(isinstance(found, Explanation), where, "return an Explanation", found)
            shape = (1, *classifier.model.grid)
            told = f"Explanation.relevance, of one image and {what},"
            require_tensor(found.relevance, shape, torch.float32, told, "(B, rows, cols)")
            sound = bool((found.relevance >= 0).all() and found.relevance.isfinite().all())
            require(sound, told, "be finite and not negative", found.relevance.tolist())


def _check_validator(validator: Any) -> None:
    filled = torch.ones(1, 24, 32, dtype=torch.bool)
    half = filled.clone()
    half[:, 12:] = False
    cases = {  # a full mask tells nothing, and a validator may say so
        "an empty mask": (torch.rand(1, 3, 4), ~filled, False),
        "a constant map": (torch.full((1, 3, 4), 0.7), half, False),
        "a map of one patch": (torch.ones(1, 1, 1), half, False),
        "a mask that is full": (torch.rand(1, 3, 4), filled, None),
        "a map of one peak": (torch.eye(1, 12).reshape(1, 3, 4), half, True),
    }
    for what, (relevance, masks, defined) in cases.items():
        where = f"{JUDGE}, of one image and {what},"
        with part(where):
            verdict = validator.judge(relevance, masks)
            check_form(verdict, 1)
            asked = "define its verdict" if defined else "leave its verdict undefined"
            fits = defined is None or bool(verdict.defined.item()) is defined
            require(fits, where, asked, verdict)


def _check_metric(metric: Any, *, edits: bool) -> None:
    for state in ("right", "wrong"):
        where = f"Metric.compute, of one {state} image without a mask,"
        with part(where):
            one = np.array([state == "right"])
            no = np.zeros(1, np.bool_)
            causes = {"causal": no, "causal_known": no} if edits else {}
            score = metric.compute(Outcomes(one, no, known=no, **causes))
            sound = score.value is None or 0 <= score.value <= 1
            require(sound, where, "give a share, or None", score)


def _check_shift(shift: Any) -> None:
    for side, what in ((1, "one pixel"), (40, "an empty mask")):
        where = f"Shift.apply, of a sample with {what},"
        with part(where):
            mask = np.full((side, side), side == 1)
            sample = Sample("one", Image.new("RGB", (side, side), (200, 20, 20)), 0, mask)
            after = shift.apply(sample)
            require(isinstance(after, Sample | Skipped), where, "return one or Skipped", after)
            if isinstance(after, Sample):
                check_sample(after, where, 1)


def _check_dataset(dataset: Any) -> None:
    for name in ("train", "test"):
        split = getattr(dataset, name)
        where = f"Dataset.{name}.samples, of no index,"
        with part(where):
            if split is not None:
                found = split.samples([])
                require(len(found) == 0, where, "return nothing", found)


def _check_model(model: Any) -> None:
    shapes = set()
    for size in ((1, 1), (900, 3)):
        where = f"Model.preprocess, of a picture of {size} px,"
        with part(where):
            image = model.preprocess(Image.new("RGB", size, (9, 90, 200)))
            shapes.add(tuple(image.shape))
            require(bool(image.isfinite().all()), where, "be finite", "values that are not")
    with part("Model.preprocess"):
        require(len(shapes) < 2, "Model.preprocess", "give every image one size", sorted(shapes))
    for prompts, what in ((["a"], "one letter"), (["word " * 400], "more words than it reads")):
        where = f"Model.encode_text, of {what},"
        with part(where), torch.no_grad():
            found = model.encode_text(prompts)
            require_tensor(found, (1, None), torch.float32, where, "(K, D)")
            require(bool(found.isfinite().all()), where, "be finite", "values that are not")


def _check_finetuner(finetuner: Any) -> None:
    data, where = OneClass(), "Finetuner.fit, on a dataset of one class,"
    train = data.train if finetuner.trains else None
    with part(where):
        try:
            found = finetuner.fit(tiny_model(), train, data.classes, RecordingLogbook())
        except RatevalError:  # which says what a user can do
            return
        with torch.no_grad():
            logits = found.logits(torch.zeros(1, 3, 24, 32))
        require_tensor(logits, (1, 1), torch.float32, where, "(B, K)")
        require(bool(logits.isfinite().all()), where, "give finite logits", logits.tolist())


def _check_task(task: Any) -> None:
    with part("Task.pose, over one class,"):
        check_posed(task, ("one",))


_CHECKS: dict[Kind, Callable[[Any], None]] = {
    "attribution": _check_attribution,
    "validator": _check_validator,
    "shift": _check_shift,
    "dataset": _check_dataset,
    "model": _check_model,
    "finetuner": _check_finetuner,
    "task": _check_task,
}
"""By kind; executors and trackers are handed whatever comes by their suites."""
