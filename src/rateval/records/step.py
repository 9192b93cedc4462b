"""Steps of a plan, as values that can travel, and what is recorded of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from rateval.records.base import Record
from rateval.records.key import Key
from rateval.records.scores.explainers import CompletenessRecord

Stage = Literal[
    "finetune",
    "infer",
    "judge",
    "counterfactual",
    "faithfulness",
    "agree",
    "score",
    "thresholds",
    "pictures",
    "tokens",
]


@dataclass(frozen=True, slots=True)
class Demand:
    """What a step asks of the machine that does it."""

    device: bool = False
    """Whether it computes with a model, on the device of the study."""
    processes: int = 1
    """Processes that share it."""
    affinity: str | None = None
    """Identity of what is loaded for it: of steps that share it, a worker that has done one does
    the next one sooner."""


@dataclass(frozen=True, slots=True)
class Shard:
    """A part of a step's test split, done by itself, and put together with the others later."""

    whole: str
    """Identity of the step that it is a part of."""
    start: int
    stop: int
    """Positions in the test split, from ``start`` on, up to and without ``stop``."""


@dataclass(frozen=True, slots=True)
class Step:
    """One stage of one cell, as a value: no live object and no closure is in it."""

    stage: Stage
    label: str
    """What it works on, for people: ``clip · ft on biased``."""
    identity: str
    """Digest of stage and inputs: the name of its result in the store."""
    inputs: Mapping[str, Any] = field(repr=False, compare=False)
    """Everything that determines its result, as JSON values."""
    needs: tuple[str, ...] = ()
    """Identities of the steps whose results it reads."""
    demand: Demand = Demand()
    units: int | None = None
    """Units that it goes over, where it may be done in shards."""
    shard: Shard | None = None
    """Which part of another step it is; None where it is whole."""
    beside: tuple[Step, ...] = ()
    """Steps that are done along with it, from one pass over each batch; each has a result of its
    own."""


@dataclass(frozen=True, slots=True)
class StepEnd:
    """How one step ended, as a value that travels back from wherever it was done."""

    identity: str
    seconds: float
    reused: bool = False
    error: str | None = None
    """Kind and message of what it failed with; None when its result is stored."""
    traceback: str | None = None
    culprit: str | None = None
    """Component that could not be made, if that is why it failed."""
    whole: bool = False
    """Whether the failure concerns the whole study, such as a full disk."""
    loads: tuple[StageRecord, ...] = ()
    """Models that were loaded for it, and how long that took."""
    beside: tuple[StepEnd, ...] = ()
    """How the steps ended that were done along with it; one that is missing was not done."""


class StageRecord(Record):
    """One step that has its result."""

    stage: str
    label: str
    """What it worked on, such as ``clip · ft on biased``."""
    identity: str
    reused: bool
    """True when the result had been stored before."""
    seconds: float
    """What computing it took, also when it was reused."""
    completeness: CompletenessRecord | None = None
    """Of predictions and explanations by an attribution that promises a sum; else null."""


class FailureRecord(Record):
    """One thing that went wrong, and the cells that lack something because of it."""

    stage: str
    """Stage that failed; ``load`` when a component could not be made."""
    label: str
    """What failed, for people: the first step of several with the same error, or a component."""
    error: str
    """Kind and message of the error; its traceback is in the run's log."""
    cells: tuple[Key, ...]
    """Cells that lack results because of it, in the order of the plan."""
