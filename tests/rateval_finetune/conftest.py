from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from rateval.api import Context, Finetuner, Sample
from rateval.testing import RecordingLogbook, TinyModel, tiny_dataset, tiny_model
from rateval_finetune import params as of
from rateval_finetune.methods.contrastive import make_flcp
from rateval_finetune.methods.evidence_ft import make_evidence_ft
from rateval_finetune.methods.full import make_full
from rateval_finetune.methods.linear_probe import make_lp
from rateval_finetune.methods.lora import make_lora
from rateval_finetune.methods.lp_ft import make_lp_ft
from rateval_finetune.methods.wise_ft import make_wise_ft

State = dict[str, torch.Tensor]
_METHODS: dict[str, tuple[Callable[[Any, Context], Finetuner], type[of.TrainingParams]]] = {
    "lp": (make_lp, of.LpParams),
    "flcp": (make_flcp, of.FlcpParams),
    "ft": (make_full, of.FtParams),
    "lp-ft": (make_lp_ft, of.LpFtParams),
    "wise-ft": (make_wise_ft, of.WiseFtParams),
    "lora": (make_lora, of.LoraParams),
    "evidence-ft": (make_evidence_ft, of.EvidenceFtParams),
}
_QUICK: dict[str, Any] = {"epochs": 2, "batch_size": 10, "lr": 1e-3}


@pytest.fixture
def make() -> Callable[..., Any]:
    """Make a method quick enough for a test; keywords are its params."""

    def make_method(
        name: str = "ft", study_seed: int = 0, readers: int = 1, **params: Any
    ) -> Finetuner:
        factory, kind = _METHODS[name]
        quick = _QUICK | ({"probe_epochs": 2} if name == "lp-ft" else {})
        return factory(kind(**(quick | params)), Context(seed=study_seed, readers=readers))

    return make_method


@pytest.fixture
def data() -> Any:
    """Coloured squares; with batches of 10, the last one holds 6."""
    return tiny_dataset(train=26)


@pytest.fixture
def fit(data: Any) -> Callable[..., State]:
    """Fit a method on the data and return the state."""

    def fit_method(
        method: Finetuner, model: TinyModel | None = None, logbook: RecordingLogbook | None = None
    ) -> State:
        model, logbook = model or tiny_model(), logbook or RecordingLogbook()
        return method.fit(model, data.train, data.classes, logbook).state()

    return fit_method


@pytest.fixture
def pictures(data: Any) -> Callable[[TinyModel], tuple[torch.Tensor, torch.Tensor]]:
    """Preprocess the whole training split: images and labels."""

    def load(model: TinyModel) -> tuple[torch.Tensor, torch.Tensor]:
        samples = [s for s in data.train.samples(range(26)) if isinstance(s, Sample)]
        images = torch.stack([model.preprocess(sample.image) for sample in samples])
        return images, torch.tensor([sample.label for sample in samples])

    return load


@pytest.fixture
def images() -> Callable[[TinyModel], torch.Tensor]:
    """Preprocess the tiny test split."""

    def load(model: TinyModel) -> torch.Tensor:
        samples = tiny_dataset().test.samples(range(12))
        return torch.stack([model.preprocess(s.image) for s in samples if isinstance(s, Sample)])

    return load
