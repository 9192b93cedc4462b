"""How far a run is: one live line on a terminal, plain lines elsewhere, nothing when quiet."""

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
from rich.text import Text

from rateval.api.protocols import Monitor
from rateval.machine.interrupts import raise_missed_interrupt

if TYPE_CHECKING:
    from rich.console import Console

    from rateval.records.step import StageRecord

PLAIN_INTERVAL_S = 15.0
"""Seconds between two lines of a stage where there is no terminal."""

QUICK_STAGES = ("judge", "score")
WORTH_TELLING_S = 1.0
"""Seconds below which a quick stage is told only when everything is asked for."""


class Reporter:
    """Tell nothing; the base of those that tell something."""

    @contextmanager
    def watch(self, stage: str, label: str) -> Iterator[Monitor]:
        """Follow one stage while it works."""
        yield SilentMonitor()

    def finished(self, stage: StageRecord, count: int | None = None) -> None:
        """Tell that a stage has its result; ``count`` is the number of images in it."""

    def warn(self, message: str) -> None:
        """Tell what deserves attention but stops nothing."""


def make_reporter(console: Console, *, quiet: bool = False, verbose: bool = False) -> Reporter:
    """Choose how to tell a run's progress on ``console``."""
    if quiet:
        return Reporter()
    kind = LiveReporter if console.is_terminal else PlainReporter
    return kind(console, verbose=verbose)


class PlainReporter(Reporter):
    """Print a line when a stage begins, now and then, and when it is done."""

    def __init__(self, console: Console, *, verbose: bool = False) -> None:
        self._console = console
        self._verbose = verbose

    @contextmanager
    def watch(self, stage: str, label: str) -> Iterator[Monitor]:
        """Follow one stage while it works."""
        yield _PlainMonitor(self._console, stage, label)

    def finished(self, stage: StageRecord, count: int | None = None) -> None:
        """Print one line about a stage's result, if it took a while or everything is asked for."""
        if not self._verbose and stage.stage in QUICK_STAGES and stage.seconds < WORTH_TELLING_S:
            return
        line = Text("= " if stage.reused else "✓ ", style="cyan" if stage.reused else "green")
        line.append(f"{stage.stage:<8} ", style="bold default")
        line.append(stage.label, style="default")
        amount = "" if count is None else f"{count:,} images, "
        timing = "reused" if stage.reused else f"{stage.seconds:.1f} s"
        line.append(f"  {amount}{timing}", style="dim")
        if self._verbose:
            line.append(f"  {stage.identity}", style="dim")
        self._console.print(line, soft_wrap=True)

    def warn(self, message: str) -> None:
        """Print a warning."""
        self._console.print(Text(f"warning: {message}", style="yellow"), soft_wrap=True)


class LiveReporter(PlainReporter):
    """Draw one live line per stage, replaced by a plain one when the stage is done."""

    @contextmanager
    def watch(self, stage: str, label: str) -> Iterator[Monitor]:
        """Follow one stage while it works."""
        columns = (
            TextColumn("  [bold]{task.fields[stage]:<8} [/]{task.description}"),
            BarColumn(bar_width=16),
            MofNCompleteColumn(),
            _RateColumn(),
            TimeRemainingColumn(compact=True),
            TextColumn("[dim]{task.fields[note]}"),
        )
        with Progress(*columns, console=self._console, transient=True) as progress:
            task = progress.add_task(label, total=None, stage=stage, note="")
            yield _LiveMonitor(progress, task)


class _RateColumn(ProgressColumn):
    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text("" if speed is None else f"{speed:,.0f}/s", style="cyan")


class SilentMonitor:
    """Follow ``rateval.api.Monitor`` and show nothing."""

    def begin(self, total: int) -> None:
        """Show nothing."""

    def advance(self, samples: int, note: str = "") -> None:
        """Show nothing; an interrupt that was missed is still noticed."""
        raise_missed_interrupt()


class _LiveMonitor:
    def __init__(self, progress: Progress, task: object) -> None:
        self._progress = progress
        self._task = task

    def begin(self, total: int) -> None:
        self._progress.update(self._task, total=total)  # type: ignore[arg-type]  # a TaskID

    def advance(self, samples: int, note: str = "") -> None:
        raise_missed_interrupt()
        self._progress.update(self._task, advance=samples, note=note)  # type: ignore[arg-type]


class _PlainMonitor:
    def __init__(self, console: Console, stage: str, label: str) -> None:
        self._console = console
        self._what = f"{stage:<8} {label}"
        self._total = self._done = 0
        self._started = self._said = time.monotonic()

    def begin(self, total: int) -> None:
        self._total = total

    def advance(self, samples: int, note: str = "") -> None:
        raise_missed_interrupt()
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
            highlight=False,
            soft_wrap=True,
        )
