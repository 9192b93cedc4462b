from __future__ import annotations

from collections.abc import Callable, Sequence
from threading import Lock
from typing import Any, cast

import numpy as np
import pytest
from PIL import Image

from rateval.api import Context, Sample, Shift, Skipped
from rateval.registry.references import follow
from rateval_shifts.reasons.components import list_components

COMPONENTS = {component.name: component for component in list_components()}


class Listed:
    """A split in memory that counts how often each of its samples is read."""

    identity = "listed"

    def __init__(self, samples: Sequence[Sample | Skipped], *, told: bool = True) -> None:
        self._samples = list(samples)
        if told:
            self.ids = [sample.id for sample in samples]
            self.labels = [getattr(sample, "label", 0) for sample in samples]
        self.read = [0] * len(samples)
        self._lock = Lock()

    def __len__(self) -> int:
        return len(self._samples)

    def samples(self, indices: Sequence[int]) -> list[Sample | Skipped]:
        with self._lock:
            for index in indices:
                self.read[index] += 1
        return [self._samples[index] for index in indices]


def draw_sample(
    number: int, size: tuple[int, int] = (40, 30), *, label: int | None = None
) -> Sample:
    """An image whose background is one colour of its own, and whose object is 250 of red."""
    width, height = size
    pixels = np.full((height, width, 3), (0, 20 + number % 200, number // 200), dtype=np.uint8)
    mask = np.zeros((height, width), dtype=np.bool_)
    top, left = height // 3, width // 4
    mask[top : top + max(1, height // 3), left : left + max(1, width // 3)] = True
    pixels[mask] = (250, 0, 0)
    return Sample(
        f"s{number}",
        Image.fromarray(pixels),
        number % 3 if label is None else label,
        mask,
        f"caption {number}",
        ("turned by EXIF",),
    )


Make = Callable[..., Shift]


@pytest.fixture
def make() -> Make:
    """Make a shift by its name, among the samples of a split where one is given."""

    def build(name: str, among: Any = None, **params: Any) -> Shift:
        component = COMPONENTS[name]
        shift = follow(component.factory)(follow(component.params)(**params), Context())
        if among is not None and hasattr(shift, "among"):
            shift = shift.among(among)
        return cast(Shift, shift)

    return build


@pytest.fixture
def listed() -> type[Listed]:
    """A split of samples in memory."""
    return Listed


@pytest.fixture
def drawn() -> Callable[..., Sample]:
    """A sample by its number."""
    return draw_sample
