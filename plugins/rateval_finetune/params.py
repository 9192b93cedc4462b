"""Params of the fine-tuning methods."""

from __future__ import annotations

from pydantic import Field

from rateval.api import Params


class ZsParams(Params):
    """Take no parameter: prompts and similarity belong to the model."""


class FtParams(Params):
    """Set how head and image tower are trained; the defaults are the published settings."""

    epochs: int = Field(default=10, ge=1)
    """How often each training sample is seen."""
    batch_size: int = Field(default=32, ge=1)
    """Samples per step; the last step of an epoch takes what is left."""
    lr: float = Field(default=1e-5, gt=0, le=1)
    """Adam's rate for the image tower, constant throughout."""
    head_lr: float | None = Field(default=None, gt=0, le=1)
    """Adam's rate for the linear head; the same as ``lr`` when absent. The head starts from random
    weights, so that ten times ``lr`` often learns faster."""
    seed: int | None = Field(default=None, ge=0, lt=2**63)
    """Decides the head's first weights and the order of samples; the study's seed when absent."""
