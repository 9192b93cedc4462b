"""What TOML or Python can hold and a spec can't: found before anything else is checked."""

from __future__ import annotations

import datetime
import errno
import json
import math
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from rateval.errors import Problem
from rateval.spec.document import Document
from rateval.wording import is_control

DEPTH = 32
"""Tables and lists that may stand in one another."""
_BITS = 64


def find_odd(document: Document) -> Iterator[Problem]:
    """Yield a problem for each value that nothing in a spec can take, in the document's order."""
    waiting: list[tuple[tuple[str | int, ...], object]] = [((), document.data)]
    while waiting:
        at, value = waiting.pop()
        if isinstance(value, Mapping | list | tuple):
            if len(at) > DEPTH:
                what = f"holds lists or tables more than {DEPTH} deep in one another"
                yield Problem(document.where(at[:2], value=False), what)
                continue
            inner = value.items() if isinstance(value, Mapping) else enumerate(value)
            waiting += reversed([((*at, key), item) for key, item in inner])
        elif why := explain_odd(value):
            yield Problem(f"{document.where(at, value=False)} = {_show(value)}", why)


def explain_odd(value: object) -> str:
    r"""Return why nothing in a spec can take a value, and how to write it; empty if it can.

    >>> explain_odd(datetime.date(2024, 1, 1))
    'is a date in TOML, which nothing here takes; for text, write it in quotes: "2024-01-01"'
    >>> explain_odd("C:\new")[-16:], explain_odd("a\nb")
    ("quotes: 'C:\\new'", '')
    """
    if isinstance(value, datetime.date | datetime.time):
        return (
            f'is a date in TOML, which nothing here takes; for text, write it in quotes: "{value}"'
        )
    if isinstance(value, int) and not -(2 ** (_BITS - 1)) <= value < 2 ** (_BITS - 1):
        return f"is an integer of more than {_BITS} bits, which TOML has not"
    if isinstance(value, float) and not math.isfinite(value):
        return "must be a finite number; for no limit, leave the key out"
    return explain_text(value) if isinstance(value, str) else ""


def explain_text(text: str) -> str:
    """Return why text can't be what was meant: it is no text, or a path that can't be one."""
    if "\0" in text:
        return "holds a NUL character, which neither a path nor a label has"
    if any("\ud800" <= sign <= "\udfff" for sign in text):
        return "holds bytes that are not UTF-8; rename what it names"
    if re.match(r"[A-Za-z]:", text) and any(map(is_control, text)):
        return explain_path(text)
    return explain_path(text) if re.match(r"~[\w.-]*(/|$)", text) else ""


def explain_path(text: str) -> str:
    r"""Return why text can't be a path, whatever is there; empty if it can.

    >>> explain_path("data/images"), explain_path("x" * 300)[:29]
    ('', 'is longer than this system al')
    """
    if any(map(is_control, text)):
        spelled = text.encode("unicode_escape").decode()
        return (
            "is a path with a control character in it: a backslash in double quotes begins an "
            f"escape; write it in single quotes: '{spelled}'"
        )
    try:
        return explain_length(Path(text).expanduser())
    except RuntimeError:
        home = text.partition("/")[0]
        return f"begins with {home}, and the home folder of that user isn't known; write it out"


def explain_length(path: Path) -> str:
    """Return why the system can't even look for a path; empty if it can."""
    try:
        path.lstat()
    except ValueError:
        return "holds a NUL character, which no path has"
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            return "is longer than this system allows a path, or a name in it, to be"
    return ""


def _show(value: object) -> str:
    if isinstance(value, int) and value.bit_length() > 1000:
        return "…"  # Python writes no integer of thousands of digits
    text = json.dumps(value) if isinstance(value, str) else str(value)
    return text if len(text) <= 60 else text[:57] + "..."
