"""The quickstart's scenes and its tiny CLIP, as a caller has them at hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import rateval
from rateval.api import Model, RunRecord, Sample

COUNT = 24


@dataclass
class Scenes:
    """Images, labels and masks in lists."""

    images: list[Any]
    labels: list[Any]
    masks: list[Any]
    classes: tuple[str, ...]


@pytest.fixture(scope="session")
def samples() -> list[Sample]:
    test = rateval.create("dataset", "shapes", test_size=COUNT).test
    return [sample for sample in test.samples(range(COUNT)) if isinstance(sample, Sample)]


@pytest.fixture
def scenes(samples: list[Sample]) -> Scenes:
    classes = rateval.create("dataset", "shapes", test_size=COUNT).classes
    return Scenes(
        [sample.image for sample in samples],
        [sample.label for sample in samples],
        [sample.mask for sample in samples],
        classes,
    )


@pytest.fixture
def clip() -> Model:
    return rateval.create("model", "clip")


@pytest.fixture
def evaluate(
    scenes: Scenes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., RunRecord]:
    """Return ``rateval.evaluate`` on the scenes, but for what is given otherwise."""
    monkeypatch.chdir(tmp_path)

    def call(model: Any, **given: Any) -> RunRecord:
        data = vars(scenes) | given
        images, labels, masks = (data.pop(name) for name in ("images", "labels", "masks"))
        return rateval.evaluate(model, images, labels, masks, **data)

    return call
