"""An executor that counts: each step is done here, and counted by its stage."""

from __future__ import annotations

import json
from collections import Counter, deque
from collections.abc import Sequence
from pathlib import Path

from rateval.api import Context, Monitor, RatevalError, Step, StepEnd, Work
from rateval_example.params import CountingParams


class Counting:
    """A ``rateval.api.Executor`` for one step at a time; ``counts`` says what it has done."""

    capacity = 1

    def __init__(self, file: Path | None) -> None:
        self.counts: Counter[str] = Counter()
        self._file = file
        self._work: Work | None = None
        self._waiting: deque[tuple[Step, Monitor]] = deque()

    def start(self, work: Work) -> None:
        """Get ready to do steps."""
        self._work = work

    def submit(self, step: Step, monitor: Monitor) -> None:
        """Take a step."""
        self._waiting.append((step, monitor))

    def collect(self) -> Sequence[StepEnd]:
        """Do the step that has waited longest."""
        if not self._waiting or self._work is None:
            return []
        step, monitor = self._waiting.popleft()
        end = self._work(step, monitor)
        self.counts[step.stage] += 1
        return [end]

    def stop(self) -> None:
        """Forget what waits, and write the counts down."""
        self._waiting.clear()
        if self._file is not None:
            self._file.write_text(json.dumps(self.counts, sort_keys=True), encoding="utf-8")


def make_counting(params: CountingParams, context: Context) -> Counting:
    """Make the executor. Raises RatevalError where the file has no folder."""
    file = None if params.file is None else Path(params.file)
    if file is not None and not file.parent.is_dir():
        raise RatevalError(f"counting: file = {file}: there is no such folder; make it first")
    return Counting(file)
