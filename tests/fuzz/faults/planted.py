"""Commands that do what no command may: what the oracle has to find."""

from __future__ import annotations

import os
import signal
import sys
import time

from faults.command import GIB
from faults.verdict import MARKUP, SWALLOWED


def crash(arguments: list[str]) -> int:
    """End in a traceback."""
    return int(arguments[99])


def hang(arguments: list[str]) -> int:
    """Wait for ever."""
    time.sleep(1000)
    return 0


def grow(arguments: list[str]) -> int:
    """Take more memory than a command may, and end well."""
    return int(len(bytearray(b"x") * (2 * GIB)) == 0)


def swell(arguments: list[str]) -> int:
    """Take more memory than there is."""
    return len(bytearray(64 * GIB))


def say_nothing(arguments: list[str]) -> int:
    """Refuse without a word."""
    return 2


def steer(arguments: list[str]) -> int:
    """Send a control sequence to the terminal."""
    print("\x1b[31mred")
    return 0


def swallow(arguments: list[str]) -> int:
    """Print a text as if it were markup."""
    print(SWALLOWED)
    return 0


def leave(arguments: list[str]) -> int:
    """Leave a process behind."""
    if os.fork() == 0:
        time.sleep(1000)
    return 0


def abort(arguments: list[str]) -> int:
    """Die as C code dies."""
    os.kill(os.getpid(), signal.SIGABRT)
    return 0


def end_well(arguments: list[str]) -> int:
    """Print the same text as it is, and refuse in a sentence."""
    print(MARKUP)
    print("error: spec.toml: nothing in it; write something", file=sys.stderr)
    return 2
