"""What ``run.json`` says of trainings, epoch by epoch."""

from __future__ import annotations

from typing import Any

from rateval.records.base import Record
from rateval.records.key import ClassifierKey


class EpochRecord(Record):
    """One pass over the training samples."""

    number: int
    """From 1."""
    loss: float
    """Mean over the training samples, as the steps saw them."""
    accuracy: float | None
    """Share of training samples that were right when their step saw them; null where the objective
    scores no classes."""
    lr: float
    """Rate of the last step, of the first group of weights."""
    held_out: dict[str, float | None]
    """Metric to its value on the samples held out, null when its denominator is 0; empty without
    ``[held_out]``."""


class CurveRecord(Record):
    """The training of one classifier."""

    classifier: str
    """Names the classifier: ``store/finetune/<identity>``."""
    key: ClassifierKey
    epochs: tuple[EpochRecord, ...]
    told: dict[str, Any]
    """What else the method says of this training, such as the ``alpha`` that wise-ft chose."""
