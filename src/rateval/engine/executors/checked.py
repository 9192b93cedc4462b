"""An executor of a plugin with every promise checked as a run uses it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from rateval.api.execution import Executor, Work
from rateval.api.training import Monitor
from rateval.errors import PluginError, naming
from rateval.records.step import Step, StepEnd


class CheckedExecutor:
    """An executor whose capacity and ends are checked, and which is named where it fails.

    ``name`` says which one it is, and ``plugin`` whose. Raises PluginError; what a monitor raises
    passes as it is, wherever the executor calls it.
    """

    def __init__(self, executor: Executor, name: str, plugin: str) -> None:
        self._executor, self._name, self._plugin = executor, name, plugin
        self._left: set[str] = set()
        """Identities of the steps that have not ended."""
        self._heard: Exception | None = None
        """What a monitor raised."""
        _ = self.capacity  # better known now than when everything is made

    @property
    def capacity(self) -> int:
        """Number of steps that it works on at once."""
        with self._calling("capacity"):
            capacity = self._executor.capacity
        if type(capacity) is not int or capacity < 1:
            raise self._fault(
                f"has capacity = {capacity!r}; it must be a whole number of steps that it takes at "
                "once, one or more"
            )
        return capacity

    @property
    def prefers(self) -> Callable[[Step], bool] | None:
        """What says whether a free worker has loaded what a step needs; None where nothing does."""
        return self._prefers if hasattr(self._executor, "prefers") else None

    def _prefers(self, step: Step) -> bool:
        if step.demand.affinity is None:
            return False
        executor: Any = self._executor
        with self._calling("prefers"):
            return bool(executor.prefers(step))

    def start(self, work: Work) -> None:
        """Get ready to do steps."""
        with self._calling("start"):
            self._executor.start(work)

    def submit(self, step: Step, monitor: Monitor) -> None:
        """Take a step."""
        self._left.add(step.identity)
        with self._calling("submit"):
            self._executor.submit(step, _Overheard(monitor, self))

    def collect(self) -> Sequence[StepEnd]:
        """Wait until a step has ended; at least one is returned while any is left."""
        with self._calling("collect"):
            ends = list(self._executor.collect())
        if not ends and self._left:
            raise self._fault(
                f"says that no step is left, and has not said how {len(self._left)} ended"
            )
        for end in ends:
            if not isinstance(end, StepEnd):
                raise self._fault(f"must return StepEnds from collect(); got {end!r}")
            if end.identity not in self._left:
                raise self._fault(f"says again, or unasked, how a step ended: {end.identity}")
            self._left.remove(end.identity)
        return ends

    def stop(self) -> None:
        """End everything at once."""
        with self._calling("stop"):
            self._executor.stop()

    def overhear(self, error: Exception) -> None:
        """Take note of what a monitor raised, which is no fault of the executor."""
        self._heard = error

    @contextmanager
    def _calling(self, method: str) -> Iterator[None]:
        try:
            with naming(f'the executor "{self._name}" of {self._plugin}: its {method}', "executor"):
                yield
        except PluginError as error:
            if self._heard is not None and error.__cause__ is self._heard:
                raise self._heard from None
            raise

    def _fault(self, what: str) -> PluginError:
        return PluginError(f'the executor "{self._name}" {what} ({self._plugin})', kind="executor")


class _Overheard:
    """A monitor that tells the executor's check what it raises."""

    def __init__(self, monitor: Monitor, executor: CheckedExecutor) -> None:
        self._monitor, self._executor = monitor, executor

    def begin(self, total: int) -> None:
        """Pass on the number of samples."""
        self._passing(lambda: self._monitor.begin(total))

    def advance(self, samples: int, note: str = "") -> None:
        """Pass on the samples that are done."""
        self._passing(lambda: self._monitor.advance(samples, note))

    def _passing(self, tell: Callable[[], None]) -> None:
        try:
            tell()
        except Exception as error:
            self._executor.overhear(error)
            raise
