"""What a job does: steps, one after another, until it is sent away."""

from __future__ import annotations

import signal
import threading
import time
import traceback
from dataclasses import dataclass, replace
from types import FrameType, TracebackType

from submitit import JobEnvironment
from submitit.helpers import DelayedSubmission

from rateval.api import Step, StepEnd, Work
from rateval_slurm.desk import Desk, Numbered, Telling

_LOOK_S = 0.2
"""Seconds between two looks for more steps."""


@dataclass
class Bundle:
    """Steps that one job does, by their numbers; submitit pickles it, and calls it in the job."""

    work: Work
    number: int
    """The job's, by which it is given more steps."""
    steps: Numbered
    desk: Desk
    requeues: int
    """Times that the job may still go back into the queue."""
    linger: float
    """Seconds for which it waits for more steps."""
    turn: int = 0
    """How many times it was given more."""

    def __call__(self) -> None:
        """Do the steps that have not ended.

        Raises SystemExit when the job goes back into the queue, and what submitit raises when it
        may not.
        """
        with _Leaving() as leaving:
            steps: Numbered | None = self.steps
            while steps is not None:
                for number, step in steps:
                    if leaving.cause is not None or self.desk.is_called_off():
                        return
                    if not self.desk.has_end(number):
                        self._do(number, step)
                steps = self._wait_for_more() if self.linger else None

    def checkpoint(self) -> DelayedSubmission | None:
        """Return what the job is to do once it is out of the queue again; None to end it."""
        if not self.requeues:
            return None
        left = tuple(pair for pair in self.steps if not self.desk.has_end(pair[0]))
        return DelayedSubmission(replace(self, steps=left, requeues=self.requeues - 1))

    def _wait_for_more(self) -> Numbered | None:
        until = time.monotonic() + self.linger
        while not self.desk.is_called_off():
            closed = self.desk.is_closed(self.number)
            self.desk.refresh()
            more = self.desk.take(self.number, self.turn)
            if more is not None:
                self.turn, self.steps = self.turn + 1, (*self.steps, *more)
                return more
            if closed:  # before that look: what was given until then has been found
                return None
            if time.monotonic() < until:
                time.sleep(_LOOK_S)
            else:
                self.desk.close(self.number)
        return None

    def _do(self, number: int, step: Step) -> None:
        telling = Telling(self.desk.progress(number))
        try:
            end = self.work(step, telling)
            if not isinstance(end, StepEnd):
                raise TypeError(f"a step ended as {end!r}, which is no StepEnd")
        except Exception as error:  # work promises to raise none, and others wait for an end
            trace = "".join(traceback.format_exception(error))
            end = StepEnd(
                step.identity, 0.0, error=f"{type(error).__name__}: {error}", traceback=trace
            )
        finally:
            telling.flush()
        self.desk.write_end(number, end)


class _Leaving:
    """Turns the signal by which a job is sent away into an interruption of its step.

    submitit's handler puts the job back into the queue and then raises SystemExit, or an error
    when it may not go back. A step that meets either takes it for a failure of its own, and its end
    would be told; an interruption passes through.
    """

    def __init__(self) -> None:
        self.cause: BaseException | None = None
        """What the handler raised; None while the job goes on."""
        self._handler: object = None
        self._signal: int = getattr(signal, f"SIG{JobEnvironment.USR_SIG}")

    def __enter__(self) -> _Leaving:
        if threading.current_thread() is threading.main_thread():
            handler = signal.getsignal(self._signal)
            if callable(handler):  # in a job; none handles it where submitit only plays one
                self._handler = handler
                signal.signal(self._signal, self._leave)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if callable(self._handler):
            signal.signal(self._signal, self._handler)
        if self.cause is not None:
            raise self.cause from None

    def _leave(self, number: int, frame: FrameType | None) -> None:
        if self.cause is not None:
            return
        assert callable(self._handler)
        try:
            self._handler(number, frame)
        except (SystemExit, Exception) as cause:
            self.cause = cause
            raise KeyboardInterrupt from None
