"""Progress of a run: a live view on a terminal, plain lines elsewhere, nothing when quiet."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.live import Live

from rateval.api.training import Monitor
from rateval.console import Console, Text
from rateval.display.lines import View
from rateval.display.tally import Tally, WorkerMonitor
from rateval.machine.interrupts import raise_missed_interrupt
from rateval.wording import write_count

if TYPE_CHECKING:
    from rateval.records.step import FailureRecord, StageRecord, Step, StepEnd

PLAIN_INTERVAL_S = 15.0
"""Seconds between two lines of a stage where there is no terminal."""
SUMMARY_INTERVAL_S = 60.0
"""Seconds between two lines about the run as a whole where there is no terminal."""
DRAWN_A_SECOND = 4

QUICK_STAGES = ("judge", "score", "thresholds", "agree", "pictures")
_WIDTH = len("counterfactual ")
WORTH_SHOWING_S = 1.0
"""Seconds below which a quick stage is shown only when everything is asked for."""


class Reporter:
    """A reporter that shows nothing; the base of those that show something."""

    @contextmanager
    def following(self, steps: Iterable[Step]) -> Iterator[None]:
        """Show a run within the context, of which these steps are to be done or reused."""
        yield

    def expect(self, steps: Iterable[Step]) -> None:
        """Take note of steps that have joined those of the run."""

    @contextmanager
    def watch(self, stage: str, label: str, identity: str = "") -> Iterator[Monitor]:
        """Return a monitor that shows one stage while it works; ``identity`` is its step's."""
        yield SilentMonitor()

    def working(self, step: Step, monitor: Monitor) -> Monitor:
        """Return a monitor of a worker that has a step, or a shard of one; it tells ``monitor``."""
        return monitor

    def ended(self, step: Step, end: StepEnd) -> None:
        """Take note that a worker has ended with a step, or a shard of one."""

    def finished(self, stage: StageRecord, count: int | None = None) -> None:
        """Show that a stage has its result; ``count`` is the number of images in it."""

    def failed(self, failure: FailureRecord, lost: Sequence[str] = ()) -> None:
        """Show that a stage failed, while everything that doesn't need it goes on.

        ``lost`` are the identities of its step and of those that need it.
        """

    def warn(self, message: str) -> None:
        """Show what deserves attention but stops nothing."""


def make_reporter(console: Console, *, quiet: bool = False, verbose: bool = False) -> Reporter:
    """Return what shows a run's progress on ``console``."""
    if quiet:
        return Reporter()
    kind = LiveReporter if console.is_terminal else PlainReporter
    return kind(console, verbose=verbose)


class PlainReporter(Reporter):
    """A line of a stage now and then, and when it is done; one of the run now and then."""

    def __init__(self, console: Console, *, verbose: bool = False) -> None:
        self._console = console
        self._verbose = verbose
        self._shown: set[tuple[str, str, str]] = set()
        """Failures that were shown."""
        self._anew()

    def _anew(self) -> None:
        self._tally = Tally()
        self._view = View(self._tally)
        self._said = time.monotonic()

    @contextmanager
    def following(self, steps: Iterable[Step]) -> Iterator[None]:
        """Show a run within the context, of which these steps are to be done or reused."""
        self._anew()
        self.expect(steps)
        yield

    def expect(self, steps: Iterable[Step]) -> None:
        """Take note of steps that have joined those of the run."""
        self._tally.expect(steps)

    @contextmanager
    def watch(self, stage: str, label: str, identity: str = "") -> Iterator[Monitor]:
        """Yield a monitor that prints a line now and then."""
        name = identity or f"{stage} {label}"
        self._tally.open(stage, label, name)
        try:
            yield self._monitor(stage, label, name)
        finally:
            self._tally.close(name)

    def _monitor(self, stage: str, label: str, name: str) -> Monitor:
        return _PlainMonitor(self, self._tally, name, f"{stage:<{_WIDTH}}{label}")

    def working(self, step: Step, monitor: Monitor) -> Monitor:
        """Return a monitor of a worker that has a step, or a shard of one; it tells ``monitor``."""
        return WorkerMonitor(self._tally, self._tally.hand_out(step), monitor)

    def ended(self, step: Step, end: StepEnd) -> None:
        """Take note that a worker has ended with a step, or a shard of one."""
        self._tally.take_back(step, end)

    def say(self, line: str) -> None:
        """Print a line of a stage."""
        self._console.print(Text(line), soft_wrap=True)

    def sum_up(self, now: float) -> None:
        """Print a line about the run, if it is time for one."""
        if now - self._said >= SUMMARY_INTERVAL_S and self._tally.steps:
            self._said = now
            self.say("  " + ", ".join(self._view.summarise()))

    def finished(self, stage: StageRecord, count: int | None = None) -> None:
        """Print one line about a stage's result, if it took a while or everything is asked for."""
        self._tally.finish(stage.identity, reused=stage.reused)
        if not self._verbose and stage.stage in QUICK_STAGES and stage.seconds < WORTH_SHOWING_S:
            return
        line = Text("= " if stage.reused else "✓ ", style="cyan" if stage.reused else "green")
        line.append(f"{stage.stage:<{_WIDTH}}", style="bold default")
        line.append(stage.label, style="default")
        amount = "" if count is None else f"{write_count(count, 'image')}, "
        timing = "reused" if stage.reused else f"{stage.seconds:.1f} s"
        line.append(f"  {amount}{timing}", style="dim")
        if self._verbose:
            line.append(f"  {stage.identity}", style="dim")
        self._console.print(line, soft_wrap=True)

    def failed(self, failure: FailureRecord, lost: Sequence[str] = ()) -> None:
        """Print what failed and why, each cause once."""
        self._tally.lose(lost)
        cause = (failure.stage, failure.label, failure.error)
        if cause not in self._shown:
            self._shown.add(cause)
            line = Text("✗ ", style="red").append(
                f"{failure.stage:<{_WIDTH}}", style="bold default"
            )
            line.append(failure.label, style="default").append(f"  {failure.error}", style="red")
            self._console.print(line, soft_wrap=True)

    def warn(self, message: str) -> None:
        """Print a warning."""
        self._console.print(Text(f"warning: {message}", style="yellow"), soft_wrap=True)


class LiveReporter(PlainReporter):
    """A live view of a run, or of the stages that work; each is a plain line when it is done."""

    def __init__(self, console: Console, *, verbose: bool = False) -> None:
        super().__init__(console, verbose=verbose)
        self._live: Live | None = None
        self._users = 0

    @contextmanager
    def following(self, steps: Iterable[Step]) -> Iterator[None]:
        """Show a run within the context, of which these steps are to be done or reused."""
        with super().following(steps), self._drawing():
            yield

    @contextmanager
    def watch(self, stage: str, label: str, identity: str = "") -> Iterator[Monitor]:
        """Yield a monitor of which the view shows what it is told."""
        # The view is drawn once more before the stage is taken off, so that a quick one is seen.
        with super().watch(stage, label, identity) as monitor, self._drawing():
            yield monitor

    @contextmanager
    def _drawing(self) -> Iterator[None]:
        self._users += 1
        try:
            if self._live is None:
                self._live = Live(
                    console=self._console,
                    get_renderable=lambda: self._view,
                    refresh_per_second=DRAWN_A_SECOND,
                    transient=True,
                )
                self._live.start()
            yield
        finally:
            self._users -= 1
            if not self._users and self._live is not None:
                live, self._live = self._live, None
                live.stop()

    def _monitor(self, stage: str, label: str, name: str) -> Monitor:
        return _LiveMonitor(self, self._tally, name, f"{stage:<{_WIDTH}}{label}")


class SilentMonitor:
    """A ``rateval.api.Monitor`` that shows nothing."""

    def begin(self, total: int) -> None:
        """Show nothing."""

    def advance(self, samples: int, note: str = "") -> None:
        """Show nothing; an interrupt that was missed is still noticed."""
        raise_missed_interrupt()


class _LiveMonitor:
    def __init__(self, reporter: PlainReporter, tally: Tally, name: str, what: str) -> None:
        self._reporter, self._tally = reporter, tally
        self._name, self._what = name, what

    def begin(self, total: int) -> None:
        self._tally.wholes[self._name].total = total

    def advance(self, samples: int, note: str = "") -> None:
        raise_missed_interrupt()
        if note and not samples:
            self._reporter.say(f"  {self._what}  {note}")
            return
        self._tally.advance(self._name, samples, note)


class _PlainMonitor(_LiveMonitor):
    def __init__(self, reporter: PlainReporter, tally: Tally, name: str, what: str) -> None:
        super().__init__(reporter, tally, name, what)
        self._started = self._said = time.monotonic()

    def advance(self, samples: int, note: str = "") -> None:
        super().advance(samples, note)
        now = time.monotonic()
        self._reporter.sum_up(now)
        if now - self._said < PLAIN_INTERVAL_S or not samples:
            return
        self._said = now
        whole = self._tally.wholes[self._name]
        rate = whole.done / max(now - self._started, 1e-9)
        left = max((whole.total or 0) - whole.done, 0) / max(rate, 1e-9)
        self._reporter.say(
            f"  {self._what}  {whole.done:,}/{whole.total or 0:,}, {rate:,.0f}/s, "
            f"{left:,.0f} s left" + (f", {note}" if note else "")
        )
