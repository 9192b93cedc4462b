"""TOML as people write it: read with bounds, and told how to spell what it can't read."""

from __future__ import annotations

import re
import tomllib
from typing import Any

from rateval.errors import RatevalError


def parse_toml(text: str, where: str) -> dict[str, Any]:
    """Read TOML that messages say is in ``where``.

    Raises RatevalError for what is none, with the right spelling where that is known.
    """
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        why, hint = f"not valid TOML: {error}", explain_spelling(_line_of(text, error), str(error))
    except RecursionError:
        why, hint = "not valid here: lists or tables stand too deep in one another", ""
    except ValueError:  # Python reads no integer of thousands of digits
        why, hint = "not valid TOML: an integer of more than 64 bits", ""
    raise RatevalError(f"{where}: {why}" + (f"; {hint}" if hint else ""))


def _line_of(text: str, error: tomllib.TOMLDecodeError) -> str:
    place = re.search(r"at line (\d+)", str(error))
    lines = text.split("\n")
    return lines[int(place[1]) - 1] if place else lines[-1]


def explain_spelling(line: str, message: str = "") -> str:
    r"""Return how to write a line that TOML can't read, by its ``message``; empty if unknown.

    >>> explain_spelling("seed = 01"), explain_spelling("use = clip")
    ('a number begins with no zero: write 1', 'text stands in quotes: write "clip"')
    >>> explain_spelling('root = "C:\\data"', "Unescaped '\\' in a string")
    "a backslash in double quotes begins an escape: write 'C:\\data'"
    """
    quoted = re.search(r'"([^"]*\\[^"]*)', line)
    if quoted and re.search("Unescaped|hex value|unicode scalar", message, re.IGNORECASE):
        return f"a backslash in double quotes begins an escape: write '{quoted[1]}'"
    if re.search("[\u2018-\u201e]", line):
        return "TOML's quotes are straight, \" or '"
    if re.match(r"\s*[\w.-]+\s*:(?!.*=)", line):
        return "write key = value in place of key: value"
    value = re.sub(r"\s+#.*", "", line.partition("=")[2]).strip()
    for pattern, advice in _SPELLINGS.items():
        if found := re.fullmatch(pattern, value, re.IGNORECASE):
            return found.expand(advice).replace(",", "") if "," in value else found.expand(advice)
    return ""


_SPELLINGS = {
    r"([+-]?)0+(\d[\d._e+-]*)": r"a number begins with no zero: write \1\2",
    r"([+-]?)(\.\d[\d_e+-]*)": r"a number begins with a digit: write \g<1>0\2",
    r"([+-]?\d+)\.(e[\d+-]+)?": r"digits follow a point: write \1.0\2",
    r"\d{1,3}(,\d{3})+": r"a number has no commas: write \g<0>",
    r"(t)rue|(f)alse": r"TOML writes true and false",
    r"none|null|nil": r"TOML has no word for nothing: leave the key out",
    r"[a-z~/.][^\"'\[\]{}=]*": r'text stands in quotes: write "\g<0>"',
}
"""Pattern of a value to what is said about it."""
