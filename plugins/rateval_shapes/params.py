"""Params of the drawn scenes."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from rateval.api import Params


class ShapesParams(Params):
    """How many scenes are drawn and how strongly a background tells the class."""

    train_bias: float = Field(default=0.9, ge=0.0, le=1.0)
    """Probability that a training scene has its class's own background, else any of the ten."""
    test_bias: float = Field(default=0.9, ge=0.0, le=1.0)
    """The same for test scenes; 0 makes the background tell nothing about the class."""
    train_size: int = Field(default=1000, ge=0, le=1_000_000)
    """Number of training scenes; 0 offers no training split."""
    test_size: int = Field(default=600, ge=1, le=1_000_000)
    """Number of test scenes."""
    style: Literal["clean", "hard"] = "hard"
    """``clean`` as in the tiny models' pre-training, or ``hard``: haze, low contrast and noise."""
    seed: int | None = Field(default=None, ge=0, le=2**63 - 1)
    """Chooses the scenes of both splits; the study's seed when not given."""

    @property
    def trains(self) -> bool:
        """Whether there are training scenes."""
        return self.train_size > 0
