"""Whether what is made twice of the same params does the same, bit by bit."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch

from rateval.api.component import Component
from rateval.api.kinds import Kind
from rateval.api.values import Outcomes, Sample
from rateval.testing.datasets import same_sample
from rateval.testing.failure import part, require
from rateval.testing.judging.edits import make_answers
from rateval.testing.logbook import RecordingLogbook
from rateval.testing.tiny.dataset import tiny_dataset
from rateval.testing.tiny.model import tiny_classifier, tiny_model

_WHERE: dict[Kind, str] = {
    "attribution": "Attribution.explain",
    "validator": "Validator.judge",
    "metric": "Metric.compute",
    "shift": "Shift.apply",
    "model": "Model.module",
    "finetuner": "Finetuner.fit",
}


def check_determinism(kind: Kind, component: Component, make: Callable[[], Any]) -> None:
    """Check that two objects of the same params and seed do the same, whatever was drawn before.

    Datasets are made twice by their suite; what an executor or a tracker does leaves no result.
    Raises ConformanceError at the first broken promise.
    """
    where = _WHERE.get(kind)
    if where is None or component.protocol:
        return
    if kind == "attribution" and "classification" not in component.tasks:
        return  # its suite asks two times for the maps of texts
    with part(where):
        results = []
        for state in (1, 2):
            with torch.random.fork_rng([]):
                torch.manual_seed(state)  # a seed of the process must make no difference
                np.random.seed(state)  # noqa: NPY002  # the old one is what a plugin may lean on
                results.append(list(_results(kind, component, make())))
        same = all(_equal(one, other) for one, other in zip(*results, strict=True))
        asked = "give the same for the same params and seed, whatever the process drew before"
        require(same, where, asked, "other results from a second object")


def _results(kind: Kind, component: Component, made: Any) -> Iterator[Any]:
    if kind == "attribution":
        images = torch.randn(3, 3, 24, 32, generator=torch.Generator().manual_seed(4))
        yield made.explain(tiny_classifier(), images, torch.arange(3), ("a", "b", "c")).relevance
    elif kind == "validator":
        generator = torch.Generator().manual_seed(5)
        masks = torch.ones(4, 24, 32, dtype=torch.bool)
        masks[:, :9] = False
        maps = torch.rand(4, 3, 4, generator=generator), masks
        yield (made.judge(make_answers()) if component.needs else made.judge(*maps)).score
    elif kind == "metric":
        right = np.arange(9) % 2 == 0
        causal = right[::-1].copy() if component.needs else None
        yield made.compute(Outcomes(right, np.arange(9) % 3 == 0, causal=causal))
    elif kind == "shift":
        for sample in tiny_dataset().test.samples(range(3)):
            if isinstance(sample, Sample) and not hasattr(made, "among"):
                yield made.apply(copy.deepcopy(sample))
    elif kind == "model":
        yield from made.module.state_dict().values()
    else:
        data = tiny_dataset()
        train = data.train if made.trains else None
        yield from made.fit(tiny_model(), train, data.classes, RecordingLogbook()).state().values()


def _equal(one: Any, other: Any) -> bool:
    if isinstance(one, torch.Tensor):
        return isinstance(other, torch.Tensor) and torch.equal(one, other)
    return same_sample(one, other) if hasattr(one, "id") else bool(one == other)
