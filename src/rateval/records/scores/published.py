"""A run beside published values: values, not what is stored of a run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from rateval.records.scores.estimate import Estimate

Verdict = Literal["agrees", "differs", "limited", "undefined", "no interval", "not there"]
"""Whether the published value lies inside of the run's 95 % interval, or why nobody can tell."""


@dataclass(frozen=True, slots=True)
class PublishedValue:
    """One value of the paper's tables."""

    metric: str
    """PT or IR."""
    method: str
    """zs, lp, flcp or ft."""
    model: str
    """Such as clip-b32."""
    dataset: str
    """Name of the component that reads it."""
    percent: float


@dataclass(frozen=True, slots=True)
class Compared:
    """A published value beside that of a run."""

    published: PublishedValue
    row: str
    """What it is in the run, by its labels."""
    ours: Estimate | None
    """None where it is not there."""
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class PublishedComparison:
    """A run beside all published values."""

    compared: tuple[Compared, ...]
    unmatched: tuple[tuple[str, str], ...]
    """Rows of the run that are none of the published ones, and why; each once."""
    told: tuple[str, ...]
    """What was taken for the published model without proof."""
    absent: int
    """Published values that nothing in the run stands for."""
