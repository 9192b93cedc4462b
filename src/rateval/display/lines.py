"""The lines of a live view, for a terminal of any width: none of them wraps."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from rich.cells import cell_len, set_cell_size
from rich.console import ConsoleOptions

from rateval.console import Text, fit
from rateval.display.left import Outlook, say_left, say_time
from rateval.display.memory import Memory
from rateval.display.tally import Tally, Whole, Worker

MOST = 6
"""Lines of workers; with more of them, lines are of steps, and then of stages."""
_STAGE = len("counterfactual ")
_ONE_LINE = str.maketrans("\t\n\r", "   ")
_BAR, _NOTE = 16, 8
"""Columns of a bar, and those that a note needs at least."""


@dataclass(frozen=True, slots=True)
class Line:
    """What is told of a worker, or of several together."""

    stage: str
    label: str
    done: int
    total: int | None
    rate: float | None
    workers: int = 1
    note: str = ""
    state: str = ""
    """In the place of a rate where there is none."""


class View:
    """A live view of a tally; what is drawn is what is known at that moment."""

    def __init__(self, tally: Tally) -> None:
        self._tally = tally
        self._outlook = Outlook()
        self._memory = Memory()

    def __rich_console__(self, console: Any, options: ConsoleOptions) -> Iterator[Text]:
        """Yield one text for each line."""
        width, encoding = options.max_width - 1, options.encoding
        with self._tally.lock:
            header = self.summarise() if self._tally.steps else []
            lines = gather(self._tally)
        for row in wrap(header, width, fit(" · ", encoding)):
            yield Text(row, style="bold", no_wrap=True, overflow="crop")
        for row in draw(lines, width, encoding):
            yield Text(row, no_wrap=True, overflow="crop")

    def summarise(self) -> list[str]:
        """Return what is to be said of the run as a whole, the most important first."""
        tally = self._tally
        reused = f", {tally.reused:,} reused" if tally.reused else ""
        parts = [f"{tally.done:,}/{tally.steps:,} steps{reused}"]
        if tally.failed:
            more = f", {tally.dropped:,} not done for it" if tally.dropped else ""
            parts.append(f"{tally.failed:,} failed{more}")
        parts.append(f"{say_time(int(tally.clock() - tally.started))} so far")
        left = self._outlook.look(tally)
        if left is not None:
            parts.append(say_left(left))
        if memory := self._memory.say():
            parts.append(memory)
        return parts


def gather(tally: Tally) -> list[Line]:
    """Return a line for each worker, or for those of a step or of a stage where they are many."""
    now = tally.clock()
    workers = sorted(tally.workers.values(), key=lambda one: one.number)
    if not workers:
        return _at_most([_of_whole(whole, now) for whole in tally.wholes.values()])
    if len(workers) <= MOST:
        return [_of_worker(worker, now) for worker in workers]
    by_step: dict[int, list[Worker]] = {}
    for worker in workers:
        by_step.setdefault(id(worker.whole), []).append(worker)
    if len(by_step) <= MOST:
        return [_of_step(some, now) for some in by_step.values()]
    by_stage: dict[str, list[list[Worker]]] = {}
    for some in by_step.values():
        by_stage.setdefault(some[0].whole.stage, []).append(some)
    return _at_most([_of_stage(steps, now) for steps in by_stage.values()])


def _of_worker(worker: Worker, now: float) -> Line:
    whole = worker.whole
    # Before that it is the pace of what the worker did last.
    rate = worker.pace.per_second(now) if worker.begun else None
    state = "joins shards" if worker.joins else "works" if worker.begun else "begins"
    beside = len(worker.step.beside)
    label = f"{whole.label} and {beside} more" if beside else whole.label
    return Line(whole.stage, label, whole.done, whole.total, rate, note=whole.note, state=state)


def _of_whole(whole: Whole, now: float) -> Line:
    rate = whole.pace.per_second(now)
    return Line(whole.stage, whole.label, whole.done, whole.total, rate, note=whole.note)


def _of_step(workers: Sequence[Worker], now: float) -> Line:
    line = _of_worker(workers[0], now)
    rate = _add(worker.pace.per_second(now) for worker in workers if worker.begun)
    return Line(
        line.stage, line.label, line.done, line.total, rate, len(workers), line.note, line.state
    )


def _of_stage(steps: Sequence[Sequence[Worker]], now: float) -> Line:
    lines = [_of_step(workers, now) for workers in steps]
    totals = [line.total for line in lines]
    return Line(
        lines[0].stage,
        f"{len(lines):,} steps",
        sum(line.done for line in lines),
        None if None in totals else sum(filter(None, totals)),
        _add(line.rate for line in lines),
        sum(line.workers for line in lines),
    )


def _add(rates: Iterable[float | None]) -> float | None:
    known = [rate for rate in rates if rate is not None]
    return sum(known) if known else None


def _at_most(lines: list[Line]) -> list[Line]:
    rest = len(lines) - MOST
    return lines if rest <= 0 else [*lines[:MOST], Line("", f"and {rest} more", 0, None, None)]


def draw(lines: Sequence[Line], width: int, encoding: str = "utf-8") -> list[str]:
    """Return lines of no more than ``width`` columns: where there is room a bar and a note, too.

    >>> draw([Line("infer", "clip · ft on biased", 1024, 50_000, 8.5)], 58)
    ['  infer          clip · ft on…     1,024/50,000  8.5/s']
    """
    starts = [f"  {cut(line.stage, _STAGE, encoding):<{_STAGE}}" for line in lines]
    rights = [_right(line) for line in lines]
    taken = max(map(cell_len, starts), default=0) + max(map(cell_len, rights), default=0) + 2
    labels = [cut(line.label, max(0, width - taken), encoding) for line in lines]
    column = max(map(cell_len, labels), default=0)
    room = width - taken - column
    bars = room >= _BAR + 2
    room -= (_BAR + 2) * bars + 2
    rows = []
    for line, start, label, right in zip(lines, starts, labels, rights, strict=True):
        row = f"{start}{set_cell_size(label, column)}  {_bar(line) if bars else ''}{right}"
        note = cut(line.note, room, encoding) if room >= _NOTE else ""
        rows.append(set_cell_size(f"{row}  {note}", width).rstrip())
    return rows


def _right(line: Line) -> str:
    several = f"{line.workers:>3} workers" if line.workers > 1 else ""
    amount = "" if line.total is None else f"{line.done:,}/{line.total:,}"
    rate = line.state if line.rate is None else say_rate(line.rate)
    return f"{several}{amount:>15}  {rate:<8}"


def _bar(line: Line) -> str:
    if not line.total:
        return " " * (_BAR + 2)
    full = min(_BAR, _BAR * line.done // line.total)
    return f"[{'#' * full}{' ' * (_BAR - full)}]"


def say_rate(rate: float) -> str:
    """Return units of a second, or of a minute where they are few.

    >>> say_rate(1234.5), say_rate(8.52), say_rate(0.25), say_rate(0.0)
    ('1,234/s', '8.5/s', '15/min', '0/s')
    """
    if rate >= 9.95:
        return f"{rate:,.0f}/s"
    if rate >= 1 or not rate:
        return f"{rate:.2g}/s"
    return f"{rate * 60:.2g}/min"


def cut(text: str, width: int, encoding: str = "utf-8") -> str:
    """Return text as a terminal shows it, in no more than ``width`` columns.

    >>> cut("clip · ft on biased", 12), cut("a", 12), cut("clip", 0)
    ('clip · ft o…', 'a', '')
    """
    shown = fit(Text(text.translate(_ONE_LINE)).plain, encoding)
    if cell_len(shown) <= width:
        return shown
    mark = fit("…", encoding)
    if width <= cell_len(mark):
        return mark[:width]
    return set_cell_size(shown, width - cell_len(mark)).rstrip() + mark


def wrap(parts: Sequence[str], width: int, between: str = " · ") -> list[str]:
    """Return parts side by side, on as few lines as they fit on.

    >>> wrap(["12/40 steps", "1 failed", "4 min so far"], 24)
    ['12/40 steps · 1 failed', '4 min so far']
    """
    rows: list[str] = []
    for part in parts:
        if rows and cell_len(rows[-1] + between + part) <= width:
            rows[-1] += between + part
        else:
            rows.append(set_cell_size(part, width) if cell_len(part) > width else part)
    return rows
