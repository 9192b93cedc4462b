"""A run some of whose images have no mask, and the batches that a training loop would see."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch

import rateval
from rateval.api import RunRecord, Sample

COUNT = 60


@dataclass
class Scenes:
    """A run of ``evaluate``, and what it was made of."""

    record: RunRecord
    labels: torch.Tensor
    masks: list[torch.Tensor | None]
    """Of the model's view."""

    @property
    def logits(self) -> torch.Tensor:
        rows = self.record.rows(self.record.cells[0], "relevance-mass").to_pydict()
        return torch.tensor(rows["probabilities"]).log()

    @property
    def maps(self) -> torch.Tensor:
        return torch.from_numpy(self.record.relevance(self.record.cells[0]).astype(np.float32))


@pytest.fixture(scope="session")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Scenes:
    dataset = rateval.create("dataset", "shapes", test_size=COUNT)
    samples = [one for one in dataset.test.samples(range(COUNT)) if isinstance(one, Sample)]
    assert len(samples) == COUNT
    model = rateval.create("model", "clip")
    masks = [None if at % 4 == 0 else one.mask for at, one in enumerate(samples)]
    into: Path = tmp_path_factory.mktemp("looped")
    record = rateval.evaluate(
        model,
        [one.image for one in samples],
        [one.label for one in samples],
        masks,
        classes=dataset.classes,
        into=into,
        validators=["relevance-mass", {"use": "pointing-game", "tolerance": 2}],
    )
    seen = [None if mask is None else model.preprocess_mask(mask) for mask in masks]
    return Scenes(record, torch.tensor([one.label for one in samples]), seen)
