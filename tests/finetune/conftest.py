from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from rateval.api import Context, Sample
from rateval.testing import TinyModel, tiny_dataset
from rateval_finetune.full import FullFinetuner, make_full
from rateval_finetune.params import FtParams


@pytest.fixture
def make_ft() -> Callable[..., FullFinetuner]:
    """Make an ft quick enough for a test; keywords are its params."""

    def make(study_seed: int = 0, **params: Any) -> FullFinetuner:
        quick: dict[str, Any] = {"epochs": 2, "batch_size": 10, "lr": 1e-3}
        return make_full(FtParams(**(quick | params)), Context(seed=study_seed))

    return make


@pytest.fixture
def images() -> Callable[[TinyModel], torch.Tensor]:
    """Preprocess the tiny test split."""

    def load(model: TinyModel) -> torch.Tensor:
        samples = tiny_dataset().test.samples(range(12))
        return torch.stack([model.preprocess(s.image) for s in samples if isinstance(s, Sample)])

    return load
