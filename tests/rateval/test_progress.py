from __future__ import annotations

import io

import pytest

from rateval.console import Console
from rateval.progress import LiveReporter, PlainReporter, Reporter, make_reporter
from rateval.records.step import FailureRecord, StageRecord, Step, StepEnd


def stage(name: str = "infer", *, reused: bool = False, seconds: float = 2.0) -> StageRecord:
    return StageRecord(
        stage=name, label="clip · zs", identity="f" * 32, reused=reused, seconds=seconds
    )


def console(*, terminal: bool) -> Console:
    return Console(file=io.StringIO(), width=100, force_terminal=terminal, color_system=None)


def text_of(shown: Console) -> str:
    assert isinstance(shown.file, io.StringIO)
    return shown.file.getvalue()


def test_the_reporter_fits_the_console() -> None:
    assert type(make_reporter(console(terminal=True))) is LiveReporter
    assert type(make_reporter(console(terminal=False))) is PlainReporter
    assert type(make_reporter(console(terminal=True), quiet=True)) is Reporter


def test_plain_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rateval.progress.PLAIN_INTERVAL_S", 0.0)
    shown = console(terminal=False)
    reporter = PlainReporter(shown)
    with reporter.watch("infer", "clip · zs") as monitor:
        monitor.begin(1200)
        monitor.advance(300, note="loss 0.31")
    reporter.finished(stage(), 1200)
    reporter.finished(stage(reused=True), 1200)
    lines = text_of(shown).splitlines()
    assert lines[0].startswith("  infer          clip · zs  300/1,200, ")
    assert "/s, " in lines[0]
    assert lines[0].endswith(" s left, loss 0.31")
    assert lines[1:] == [
        "✓ infer          clip · zs  1,200 images, 2.0 s",
        "= infer          clip · zs  1,200 images, reused",
    ]


@pytest.mark.parametrize("kind", [PlainReporter, LiveReporter])
def test_a_note_without_samples_is_a_line_of_its_own(kind: type[PlainReporter]) -> None:
    shown = console(terminal=kind is LiveReporter)
    with kind(shown).watch("infer", "clip · zs") as monitor:
        monitor.begin(100)
        monitor.advance(0, "waits for [/b] another run")
    assert "  infer          clip · zs  waits for [/b] another run\n" in text_of(shown)


def test_a_live_line_shows_count_rate_and_time_left() -> None:
    shown = console(terminal=True)
    with LiveReporter(shown).watch("finetune", "clip · ft") as monitor:
        monitor.begin(100)
        for _ in range(3):
            monitor.advance(20, note="epoch 1/5")
    text = text_of(shown)
    assert "finetune" in text
    assert "60/100" in text
    assert "epoch 1/5" in text


def test_stages_that_work_at_once_share_the_terminal() -> None:
    shown = console(terminal=True)
    reporter = LiveReporter(shown)
    with reporter.watch("infer", "[red]one[/]") as first:
        first.begin(10)
        with reporter.watch("infer", "two") as second:
            second.begin(20)
            second.advance(7)
        first.advance(3)
    assert "[red]one[/]" in text_of(shown)
    with reporter.watch("infer", "three"):
        pass
    assert "three" in text_of(shown)


def follow(reporter: Reporter) -> None:
    """Tell of a run of three steps: one that is done, one that fails, one that needs it."""
    steps = [Step("infer", f"clip · {name}", name * 32, {}, units=100) for name in "fab"]
    with reporter.following(steps[:2]):
        reporter.expect(steps[2:])
        for step in steps[:2]:
            with reporter.watch(step.stage, step.label, step.identity) as whole:
                monitor = reporter.working(step, whole)
                monitor.begin(100)
                monitor.advance(100)
                reporter.ended(step, StepEnd(step.identity, 1.0))
        reporter.finished(stage(), 100)
        failure = FailureRecord(stage="infer", label="clip · a", error="broken", cells=())
        reporter.failed(failure, ["a" * 32, "b" * 32])
        with reporter.watch("infer", "again"):
            pass


def test_a_live_view_tells_of_the_run_and_goes() -> None:
    shown = console(terminal=True)
    follow(LiveReporter(shown))
    text = text_of(shown)
    assert "1/3 steps · 1 failed, 1 not done for it" in text
    assert text.endswith("\x1b[2K")  # the last line is wiped
    assert text.count("\x1b[?25l") == text.count("\x1b[?25h") == 1


def test_an_interrupted_view_leaves_the_terminal_as_it_was() -> None:
    shown = console(terminal=True)
    reporter = LiveReporter(shown)
    with (
        pytest.raises(KeyboardInterrupt),
        reporter.following([Step("infer", "x", "x", {})]),
        reporter.watch("infer", "x", "x"),
    ):
        raise KeyboardInterrupt
    text = text_of(shown)
    assert text.count("\x1b[?25l") == text.count("\x1b[?25h") == 1
    assert text.endswith("\x1b[2K")


def test_plain_lines_sum_up_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = console(terminal=False)
    follow(PlainReporter(shown))
    assert "steps" not in text_of(shown)
    monkeypatch.setattr("rateval.progress.SUMMARY_INTERVAL_S", 0.0)
    follow(PlainReporter(shown))
    assert "  0/3 steps, 0 s so far" in text_of(shown)


def test_a_failure_is_told_once_and_as_it_is() -> None:
    shown = console(terminal=False)
    reporter = PlainReporter(shown)
    for _ in range(2):
        reporter.failed(
            FailureRecord(stage="load", label='model "[x]"', error="[/x] is broken", cells=())
        )
    assert text_of(shown) == '✗ load           model "[x]"  [/x] is broken\n'


def test_quick_stages_are_told_when_everything_is_asked_for() -> None:
    short = console(terminal=False)
    PlainReporter(short).finished(stage("judge", seconds=0.1))
    assert text_of(short) == ""
    full = console(terminal=False)
    PlainReporter(full, verbose=True).finished(stage("judge", seconds=0.1))
    assert "f" * 32 in text_of(full)


def test_quiet_is_quiet() -> None:
    reporter = Reporter()
    with reporter.watch("infer", "x") as monitor:
        monitor.begin(1)
        monitor.advance(1)
    reporter.finished(stage())
    reporter.warn("x")
