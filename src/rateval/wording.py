"""Names in a message: few or many, meant or mistaken, and never more than text."""

from __future__ import annotations

import json
import shlex
import unicodedata
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from fnmatch import fnmatchcase
from typing import Any

_SHOWN = 10
_OPTIONS = ("device", "output", "limit")
"""Keys of ``[run]`` that have an option of their own on the command line."""


def list_some(items: Iterable[str]) -> str:
    """Return up to ten names as text, and the number of the rest.

    >>> list_some(map(str, range(12)))
    '0, 1, 2, 3, 4, 5, 6, 7, 8, 9 and 2 more'
    """
    items = list(items)
    rest = len(items) - _SHOWN
    return ", ".join(items[:_SHOWN]) + (f" and {rest} more" if rest > 0 else "")


NEAR = 0.75
"""Share of letters that two names have in common which differ by a slip of the pen."""


def nearest(name: str, known: Iterable[str], count: int = 1, near: float = NEAR) -> list[str]:
    """Return up to ``count`` known names that share ``near`` of their letters with ``name``.

    Case, Unicode form and the kind of blank or dash make no difference.

    >>> nearest("Generic attention", ["generic-attention"]), nearest("imagefolder", ["imagenet"])
    (['generic-attention'], [])
    """
    plain: dict[str, list[str]] = {}
    for option in known:
        plain.setdefault(_roughly(option), []).append(option)
    close = get_close_matches(_roughly(name), plain, n=count, cutoff=near)
    return [option for match in close for option in plain[match]][:count]


def _roughly(name: str) -> str:
    folded = "".join(map(_letter, unicodedata.normalize("NFKC", name))).casefold()
    return folded.replace("_", "-").replace(" ", "-")


def meant(name: str, known: Iterable[str], count: int = 1, near: float = NEAR) -> str:
    r"""Return which of the known names was probably meant; empty when none is near.

    >>> meant("ViT-B-33", ["ViT-B-32", "RN50"])
    'did you mean "ViT-B-32"?'
    >>> meant("\u0441lip", ["clip"])
    'did you mean "clip"? "\u0441" is U+0441'
    >>> meant("caf\u0065\u0301", ["caf\u00e9"])
    'did you mean "café"? It differs only in Unicode form: U+0065 U+0301 in place of U+00E9'
    """
    close = nearest(name, known, count, near)
    if not close:
        return ""
    alike = next((option for option in close if look_alike(name, option)), None)
    if alike is None:
        foreign = "".join(f' "{s}" is U+{ord(s):04X}' for s in _beyond(name, close[0]) if s > "~")
        return "did you mean " + " or ".join(f'"{option}"' for option in close) + "?" + foreign
    return f'did you mean "{alike}"? It {tell_apart(name, alike)}'


def suggest(name: str, known: Iterable[str], near: float = NEAR) -> str:
    """Return what was probably meant, or what there is.

    >>> suggest("ViT-B-33", ["ViT-B-32", "RN50"])
    'did you mean "ViT-B-32"?'
    >>> suggest("x", ["b", "a"])
    'there are a, b'
    >>> suggest("x", [])
    'there are none'
    """
    options = sorted(known)
    return meant(name, options, 3, near) or "there are " + (", ".join(options) or "none")


def fitting(asked: str, labels: Iterable[str]) -> set[str]:
    """Return the labels that are asked for: the one of that name, else those that fit a pattern.

    A pattern has ``*`` and ``?``; a bracket is one of a label's own signs.

    >>> sorted(fitting("a*", ["a*", "ab"])), sorted(fitting("a?", ["a[1]", "ab"]))
    (['a*'], ['ab'])
    """
    labels = set(labels)
    pattern = asked.replace("[", "[[]")
    return labels & {asked} or {label for label in labels if fnmatchcase(label, pattern)}


def look_alike(one: str, other: str) -> bool:
    r"""Return whether two different names are drawn alike: another Unicode form or kind of blank.

    >>> look_alike("caf\u0065\u0301", "caf\u00e9"), look_alike("a\xa0b", "a b")
    (True, True)
    >>> look_alike("a", "a"), look_alike("a", "A")
    (False, False)
    """
    return one != other and drawn(one) == drawn(other)


def drawn(name: str) -> str:
    """Return what is equal for names that are drawn alike."""
    return "".join(map(_letter, unicodedata.normalize("NFC", name)))


def tell_apart(name: str, other: str) -> str:
    r"""Return in what a name differs from another that looks the same.

    >>> tell_apart("a\xa0b", "a b")
    'differs only in Unicode form: U+00A0 in place of U+0020'
    """
    here, there = (
        " ".join(f"U+{ord(sign):04X}" for sign in own) or "nothing"
        for own in (_beyond(name, other), _beyond(other, name))
    )
    return f"differs only in Unicode form: {here} in place of {there}"


def _beyond(one: str, other: str) -> list[str]:
    return [sign for sign in dict.fromkeys(one) if sign not in other]


def _letter(sign: str) -> str:
    if sign in _JOINERS:
        return ""
    return " " if unicodedata.category(sign) == "Zs" else sign


_JOINERS = "\u200c\u200d"
"""Signs without a form of their own that words and emoji are rightly written with."""


def show_controls(text: str) -> str:
    r"""Return text with whatever a terminal would obey or hide made visible.

    Those are control characters but for line break and tab, the marks that turn text around, other
    signs without a form, and bytes of a file's name that are no text.

    >>> show_controls("a\x1b[31mb\u202e[/c]")
    'a\\x1b[31mb\\u202e[/c]'
    """
    if text.isprintable():
        return text
    return "".join(_show_sign(sign) for sign in text)


def _show_sign(sign: str) -> str:
    if sign in "\n\t" or not is_control(sign):
        return sign
    return sign.encode("unicode_escape").decode()


def is_control(sign: str) -> bool:
    """Return whether a character has no form of its own, and is no blank."""
    return unicodedata.category(sign) in _FORMLESS and sign not in _JOINERS


_FORMLESS = ("Cc", "Cf", "Cs", "Zl", "Zp")
"""Unicode's categories of control, format, half of a character, line and paragraph separator."""


def write_command(command: str, spec: str, overrides: Mapping[str, object]) -> str:
    """Return the command line that runs a spec with keys of ``[run]`` set, to be pasted.

    Whether results were reused is left out: who runs a study again wants what is there.

    >>> write_command("run", "my spec.toml", {"limit": 8, "reuse": False, "readers": 2})
    "rateval run 'my spec.toml' --limit 8 --set readers=2"
    """
    words = ["rateval", command, spec]
    for key, value in overrides.items():
        text = value if isinstance(value, str) else json.dumps(value, default=str)
        if key in _OPTIONS:
            words += [f"--{key}", text]
        elif key == "report.pictures":
            words.append("--no-pictures")
        elif key != "reuse":
            words += ["--set", f"{key}={text}"]
    return shlex.join(words)


def write_bytes(count: float) -> str:
    """Return a number of bytes for people, in three figures at most.

    >>> [write_bytes(count) for count in (0, 999, 1234, 56_789_000, 999_999_999, 1.5e12)]
    ['0 B', '999 B', '1.2 kB', '57 MB', '1.0 GB', '1.5 TB']
    """
    unit = "B"
    for larger in ("kB", "MB", "GB", "TB"):
        if count < 999.5:
            break
        count, unit = count / 1000, larger
    few = unit != "B" and count < 9.95
    return f"{count:.1f} {unit}" if few else f"{count:,.0f} {unit}"


def write_count(count: float, unit: str) -> str:
    """Return a number of something, with commas between thousands.

    >>> write_count(1, "test image"), write_count(2500, "question"), write_count(0, "entity")
    ('1 test image', '2,500 questions', '0 entities')
    """
    text = f"{count:,.0f}"
    return f"{text} {unit if text == '1' else plural(unit)}"


def plural(word: str) -> str:
    """Return a word for several.

    >>> plural("phrase"), plural("class"), plural("entity"), plural("day")
    ('phrases', 'classes', 'entities', 'days')
    """
    if word.endswith("y") and word[-2:-1] not in tuple("aeiou"):
        return f"{word[:-1]}ies"
    return word + ("es" if word.endswith(("s", "x", "z", "ch", "sh")) else "s")


def write_span(seconds: float) -> str:
    """Return how long something is or was, for people, in its largest unit; nothing is negative.

    >>> [write_span(seconds) for seconds in (-3, 0.4, 59.4, 3000, 5400, 4e5)]
    ['0 s', '0.4 s', '59 s', '50 min', '1.5 h', '4.6 d']
    """
    value, unit = max(seconds, 0.0), "s"
    for size, larger in ((60, "min"), (60, "h"), (24, "d")):
        if value < size - 0.5:
            break
        value, unit = value / size, larger
    few = 0 < value < 9.95
    return f"{value:.1f} {unit}" if few else f"{value:,.0f} {unit}"


def describe(value: Any) -> str:
    """Return a value for people: shape and type of an array, mode and size of an image.

    >>> import numpy as np
    >>> from PIL import Image
    >>> describe(np.zeros((2, 3), np.uint8)), describe(Image.new("L", (3, 2))), describe(0.5)
    ('(2, 3) uint8', 'an image of mode L', '0.5')
    """
    if hasattr(value, "getbands"):  # of Pillow, which is not imported for this
        return f"an image of mode {value.mode}"
    if hasattr(value, "shape") and hasattr(value, "dtype") and value.shape != ():
        return f"{tuple(value.shape)} {str(value.dtype).removeprefix('torch.')}"
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
