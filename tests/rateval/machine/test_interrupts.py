from __future__ import annotations

import io
import os
import signal
import sys
import threading
from collections.abc import Callable

import pytest
from rich.console import Console

from rateval.machine.interrupts import raise_missed_interrupt, remembered_interrupts
from rateval.progress import LiveReporter, PlainReporter, Reporter


def press() -> None:
    os.kill(os.getpid(), signal.SIGINT)


class PressedInVain:
    """Press Ctrl-C where Python can only say that it ignores the exception."""

    def __del__(self) -> None:
        press()


class Fails:
    def __del__(self) -> None:
        raise ValueError("of its own")


@pytest.fixture
def reported(monkeypatch: pytest.MonkeyPatch) -> list[type[BaseException]]:
    """Collect what Python reports as ignored."""
    found: list[type[BaseException]] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda args: found.append(args.exc_type))
    return found


def test_python_loses_an_interrupt(reported: list[type[BaseException]]) -> None:
    """If this ever fails, Python has mended it, and the module is needed no more."""
    PressedInVain()
    assert reported == [KeyboardInterrupt]
    raise_missed_interrupt()


def test_a_missed_interrupt_is_raised_later(reported: list[type[BaseException]]) -> None:
    with remembered_interrupts():
        raise_missed_interrupt()
        PressedInVain()
        with pytest.raises(KeyboardInterrupt):
            raise_missed_interrupt()
    assert reported == []
    raise_missed_interrupt()


def test_every_press_interrupts() -> None:
    with remembered_interrupts():
        for _ in range(3):
            with pytest.raises(KeyboardInterrupt):
                press()


@pytest.mark.parametrize(
    "make",
    [
        lambda _: Reporter(),
        PlainReporter,
        LiveReporter,
    ],
)
def test_every_monitor_notices(make: Callable[[Console], Reporter]) -> None:
    reporter = make(Console(file=io.StringIO()))
    with remembered_interrupts(), reporter.watch("finetune", "clip · ft") as monitor:
        monitor.begin(2)
        monitor.advance(1)
        PressedInVain()
        with pytest.raises(KeyboardInterrupt):
            monitor.advance(1)


def test_other_ignored_errors_are_reported(reported: list[type[BaseException]]) -> None:
    with remembered_interrupts():
        Fails()
    assert reported == [ValueError]


@pytest.mark.parametrize("error", [None, KeyboardInterrupt, ValueError])
def test_all_is_as_before_afterwards(error: type[BaseException] | None) -> None:
    handler, hook = signal.getsignal(signal.SIGINT), sys.unraisablehook
    try:
        with remembered_interrupts():
            assert signal.getsignal(signal.SIGINT) is not handler
            if error is not None:
                raise error
    except BaseException as caught:
        assert type(caught) is error
    assert signal.getsignal(signal.SIGINT) is handler
    assert sys.unraisablehook is hook


def test_another_handler_stays() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with remembered_interrupts():
            assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
            press()
        raise_missed_interrupt()
    finally:
        signal.signal(signal.SIGINT, before)


def test_other_threads_change_nothing() -> None:
    found = []

    def work() -> None:
        with remembered_interrupts():
            found.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found == [signal.default_int_handler]
