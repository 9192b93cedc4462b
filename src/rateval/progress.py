"""Progress of a run: one live line on a terminal, plain lines elsewhere, nothing when quiet."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)

from rateval.api.training import Monitor
from rateval.console import Console, Text
from rateval.machine.interrupts import raise_missed_interrupt

if TYPE_CHECKING:
    from rateval.records.step import FailureRecord, StageRecord

PLAIN_INTERVAL_S = 15.0
"""Seconds between two lines of a stage where there is no terminal."""

QUICK_STAGES = ("judge", "score", "thresholds", "agree", "pictures")
_WIDTH = len("counterfactual ")
WORTH_SHOWING_S = 1.0
"""Seconds below which a quick stage is shown only when everything is asked for."""


class Reporter:
    """A reporter that shows nothing; the base of those that show something."""

    @contextmanager
    def watch(self, stage: str, label: str) -> Iterator[Monitor]:
        """Return a monitor that shows one stage while it works."""
        yield SilentMonitor()

    def finished(self, stage: StageRecord, count: int | None = None) -> None:
        """Show that a stage has its result; ``count`` is the number of images in it."""

    def failed(self, failure: FailureRecord) -> None:
        """Show that a stage failed, while everything that doesn't need it goes on."""

    def warn(self, message: str) -> None:
        """Show what deserves attention but stops nothing."""


def make_reporter(console: Console, *, quiet: bool = False, verbose: bool = False) -> Reporter:
    """Return what shows a run's progress on ``console``."""
    if quiet:
        return Reporter()
    kind = LiveReporter if console.is_terminal else PlainReporter
    return kind(console, verbose=verbose)


class PlainReporter(Reporter):
    """A line when a stage begins, now and then, and when it is done."""

    def __init__(self, console: Console, *, verbose: bool = False) -> None:
        self._console = console
        self._verbose = verbose
        self._shown: set[tuple[str, str, str]] = set()
        """Failures that were shown."""

    @contextmanager
    def watch(self, stage: str, label: str) -> Iterator[Monitor]:
        """Yield a monitor that prints a line now and then."""
        yield _PlainMonitor(self._console, stage, label)

    def finished(self, stage: StageRecord, count: int | None = None) -> None:
        """Print one line about a stage's result, if it took a while or everything is asked for."""
        if not self._verbose and stage.stage in QUICK_STAGES and stage.seconds < WORTH_SHOWING_S:
            return
        line = Text("= " if stage.reused else "✓ ", style="cyan" if stage.reused else "green")
        line.append(f"{stage.stage:<{_WIDTH}}", style="bold default")
        line.append(stage.label, style="default")
        amount = "" if count is None else f"{count:,} images, "
        timing = "reused" if stage.reused else f"{stage.seconds:.1f} s"
        line.append(f"  {amount}{timing}", style="dim")
        if self._verbose:
            line.append(f"  {stage.identity}", style="dim")
        self._console.print(line, soft_wrap=True)

    def failed(self, failure: FailureRecord) -> None:
        """Print what failed and why, each cause once."""
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
    """One live line per stage, replaced by a plain one when the stage is done."""

    def __init__(self, console: Console, *, verbose: bool = False) -> None:
        super().__init__(console, verbose=verbose)
        self._progress: Progress | None = None
        """What draws the lines of all stages that work now: a terminal has room for one."""

    @contextmanager
    def watch(self, stage: str, label: str) -> Iterator[Monitor]:
        """Yield a monitor that draws a live line."""
        if self._progress is None:
            self._progress = self._make_progress()
            self._progress.start()
        progress = self._progress
        task = progress.add_task(label, total=None, stage=stage, note="")
        try:
            yield _LiveMonitor(progress, task, f"  {stage:<{_WIDTH}}{label}")
        finally:
            if len(progress.tasks) > 1:
                progress.remove_task(task)
            else:  # it draws the line once more, so that a quick stage is seen as well
                progress.stop()
                self._progress = None

    def _make_progress(self) -> Progress:
        columns = (
            TextColumn(f"  {{task.fields[stage]:<{_WIDTH - 1}}}", style="bold", markup=False),
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=16),
            MofNCompleteColumn(),
            _RateColumn(),
            TimeRemainingColumn(compact=True),
            TextColumn("{task.fields[note]}", style="dim", markup=False),
        )
        return Progress(*columns, console=self._console, transient=True)


class _RateColumn(ProgressColumn):
    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text("" if speed is None else f"{speed:,.0f}/s", style="cyan")


class SilentMonitor:
    """A ``rateval.api.Monitor`` that shows nothing."""

    def begin(self, total: int) -> None:
        """Show nothing."""

    def advance(self, samples: int, note: str = "") -> None:
        """Show nothing; an interrupt that was missed is still noticed."""
        raise_missed_interrupt()


class _LiveMonitor:
    def __init__(self, progress: Progress, task: object, what: str) -> None:
        self._progress = progress
        self._task = task
        self._what = what

    def begin(self, total: int) -> None:
        self._progress.update(self._task, total=total)  # type: ignore[arg-type]  # a TaskID

    def advance(self, samples: int, note: str = "") -> None:
        raise_missed_interrupt()
        if note and not samples:
            self._progress.console.print(Text(f"{self._what}  {note}"), soft_wrap=True)
            return
        self._progress.update(self._task, advance=samples, note=note)  # type: ignore[arg-type]


class _PlainMonitor:
    def __init__(self, console: Console, stage: str, label: str) -> None:
        self._console = console
        self._what = f"{stage:<{_WIDTH}}{label}"
        self._total = self._done = 0
        self._started = self._said = time.monotonic()

    def begin(self, total: int) -> None:
        self._total = total

    def advance(self, samples: int, note: str = "") -> None:
        raise_missed_interrupt()
        if note and not samples:
            self._console.print(Text(f"  {self._what}  {note}"), soft_wrap=True)
            return
        self._done += samples
        now = time.monotonic()
        if now - self._said < PLAIN_INTERVAL_S:
            return
        self._said = now
        rate = self._done / max(now - self._started, 1e-9)
        left = max(self._total - self._done, 0) / max(rate, 1e-9)
        self._console.print(
            f"  {self._what}  {self._done:,}/{self._total:,}, {rate:,.0f}/s, {left:,.0f} s left"
            + (f", {note}" if note else ""),
            soft_wrap=True,
        )
