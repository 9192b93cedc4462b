"""What was found out about a plugin."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from rateval.api.kinds import Kind
from rateval.testing.failure import ConformanceError
from rateval.testing.plugin.protocol_lines import find_line


@dataclass(frozen=True, slots=True)
class Broken:
    """A promise that is not kept."""

    where: str
    must: str
    """Empty where ``where`` is all that is known."""
    got: str
    line: str
    """Where the promise stands, as ``rateval/api/protocols.py:254``; empty where nowhere."""

    @classmethod
    def of(cls, error: ConformanceError) -> Broken:
        """Return what a suite raised, with the line of the contract."""
        return cls(error.where, error.asked, error.got, find_line(error.where))

    def __str__(self) -> str:
        return f"{self.where} must {self.must}; got {self.got}" if self.must else self.where


@dataclass(frozen=True, slots=True)
class ComponentReport:
    """What was found out about one component."""

    kind: Kind
    name: str
    broken: tuple[Broken, ...]
    untried: str | None = None
    """Why its object could not be tried; None where it was."""


@dataclass(frozen=True, slots=True)
class StartUp:
    """What importing one module costs, in a process where rateval.api is there already."""

    module: str
    seconds: float
    costs: dict[str, float]
    """Seconds of the packages that come with it, the slowest first."""
    printed: str = ""
    """What the import prints."""


@dataclass(frozen=True, slots=True)
class PluginReport:
    """What was found out about a distribution."""

    distribution: str
    version: str
    needs: str | None
    """The version of the contract that it says it was written for."""
    offered: str
    """The version of the contract that there is."""
    start_up: tuple[StartUp, ...]
    components: tuple[ComponentReport, ...]
    broken: tuple[Broken, ...] = ()
    """Broken promises of no single component."""
    notes: tuple[str, ...] = field(default=())
    """What deserves attention and breaks no promise."""

    @property
    def verdict(self) -> Literal["kept", "broken", "undecided"]:
        """Whether all promises are kept, as far as they could be tried."""
        if self.broken or any(component.broken for component in self.components):
            return "broken"
        return "undecided" if any(one.untried for one in self.components) else "kept"
