"""Params of the drawn scenes with captions."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from rateval.api import Params


class ShapesCaptionsParams(Params):
    """How many scenes are captioned, and how strongly a background tells what stands in them."""

    train_bias: float = Field(default=0.9, ge=0.0, le=1.0)
    """Probability that the object of its background stands in a training scene, else any ones."""
    test_bias: float = Field(default=0.0, ge=0.0, le=1.0)
    """The same for test scenes; 0 makes the background tell nothing."""
    train_size: int = Field(default=1000, ge=0, le=1_000_000)
    """Number of training scenes; 0 offers no training split."""
    test_size: int = Field(default=600, ge=1, le=1_000_000)
    """Number of test scenes."""
    style: Literal["clean", "hard"] = "hard"
    """``clean`` as for pre-training, or ``hard``: haze, low contrast and noise."""
    seed: int | None = Field(default=None, ge=0, le=2**63 - 1)
    """Chooses the scenes of both splits; the study's seed when not given."""

    @property
    def trains(self) -> bool:
        """Whether there are training scenes."""
        return self.train_size > 0
