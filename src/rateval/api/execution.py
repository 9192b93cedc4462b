"""Where steps run: what an executor offers, and what it is given."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from rateval.api.training import Monitor

if TYPE_CHECKING:
    from rateval.records.step import Step, StepEnd


class Work(Protocol):
    """The doing of one step, anywhere: picklable; the step's result is left in the store.

    That of a study also has ``prepare(step)``, for a worker that has nothing to do yet: it gets
    ready for what follows a step that another one has in work, and raises nothing.
    """

    def __call__(self, step: Step, monitor: Monitor, /) -> StepEnd:
        """Do a step and return how it ended. Raises nothing but an interruption."""
        ...


class Executor(Protocol):
    """The place where steps run: it takes them when they are ready, and returns how each ended.

    All its members are called from one thread. One that also has a method ``prefers(step) -> bool``
    is asked by it, among the steps that are ready, for those whose ``demand.affinity`` one of its
    free workers has loaded: they come first.
    """

    @property
    def capacity(self) -> int:
        """Number of steps that it works on at once; more may be submitted, and wait."""
        ...

    def start(self, work: Work) -> None:
        """Get ready to do steps by ``work``; called once, before any other method."""
        ...

    def submit(self, step: Step, monitor: Monitor) -> None:
        """Take a step, and return at once; ``monitor`` is shown how far it is."""
        ...

    def collect(self) -> Sequence[StepEnd]:
        """Wait until a step has ended, and return all that have; none when none is left.

        Each step ends once, also when what worked on it is lost. Monitors are called from here.
        """
        ...

    def stop(self) -> None:
        """End everything at once, after an interruption as well; may be called again."""
        ...
