"""Ways to run a small study, and to disturb it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from faults.studies import TO_KILL, Tables


@dataclass(frozen=True, slots=True)
class Scenario:
    """A way to run a study, and to disturb it."""

    name: str
    weight: int
    """How often it is drawn, beside the others."""
    tables: Mapping[str, Any]
    """What the spec has more."""
    finished: bool = False
    """Whether the study was run to its end before."""
    options: tuple[str, ...] = ()
    """Of the command that is killed."""
    runs: int = 1
    """How many start at once."""

    has_children: bool = False
    """Whether others than the run itself may be hit."""

    def __str__(self) -> str:
        return self.name

    @property
    def study(self) -> Tables:
        """The spec's tables."""
        return TO_KILL | {"run": TO_KILL["run"] | self.tables.get("run", {})} | {
            name: table for name, table in self.tables.items() if name != "run"
        }  # fmt: skip


SCENARIOS = (
    Scenario("run", 30, {}),
    Scenario("--fresh", 20, {}, finished=True, options=("--fresh",)),
    Scenario("two at once", 20, {}, runs=2),
    Scenario("two --fresh at once", 10, {}, finished=True, options=("--fresh",), runs=2),
    Scenario("processes = 2", 10, {"run": {"processes": 2}}, has_children=True),
    Scenario("workers = 2", 10, {"executor": {"use": "local", "workers": 2}}, has_children=True),
)
