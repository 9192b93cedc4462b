"""Steps done here, one after the other, when they are waited for."""

from collections import deque
from collections.abc import Sequence

from rateval.api import Context, Executor, Monitor, Params, Step, StepEnd, Work


class MineExecutorParams(Params):
    """There is nothing to set of mine-executor."""


class MineExecutor:
    """A queue of steps; each is done when somebody waits for it."""

    # Must be 1 or more: steps that it works on at once. More may be submitted, and wait.
    capacity = 1

    def __init__(self) -> None:
        self._work: Work | None = None
        self._waiting: deque[tuple[Step, Monitor]] = deque()

    def start(self, work: Work) -> None:
        """Get ready to do steps by ``work``; called once, before any other method."""
        # `work` is picklable: it may be called in another process that sees the same files.
        self._work = work

    def submit(self, step: Step, monitor: Monitor) -> None:
        """Take a step, and return at once."""
        self._waiting.append((step, monitor))

    def collect(self) -> Sequence[StepEnd]:
        """Wait until a step has ended, and return all that have; none when none is left."""
        # Must return one end for each step, as the work returned it, when its work is done.
        # Must tell each step's monitor what its work tells.
        if not self._waiting or self._work is None:
            return []
        step, monitor = self._waiting.popleft()
        return [self._work(step, monitor)]

    def stop(self) -> None:
        """End everything at once, after an interruption as well; may be called again."""
        # Must end what is in work, within seconds.
        self._waiting.clear()


def make(params: MineExecutorParams, context: Context) -> Executor:
    """Make the executor."""
    return MineExecutor()
