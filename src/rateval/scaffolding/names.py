"""What a new plugin is called: its distribution, its package, and the names of its components."""

from __future__ import annotations

import keyword
import re
import sys
import unicodedata
from dataclasses import dataclass
from importlib.util import find_spec

from rateval.api.kinds import Kind
from rateval.errors import RatevalError

LONGEST = 24
"""Letters of a name at most, for lines that hold it stay within 100."""
_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")


@dataclass(frozen=True, slots=True)
class Names:
    """A plugin's name in all the forms that its files hold it in.

    >>> names = Names("rateval-my-eyes", "my-eyes")
    >>> names.package, names.component("metric"), names.constant("metric"), names.classes
    ('rateval_my_eyes', 'my-eyes-metric', 'MY_EYES_METRIC', 'MyEyes')
    """

    distribution: str
    stem: str
    """The distribution's name without ``rateval-``."""

    @property
    def package(self) -> str:
        """Name of the package."""
        return self.distribution.replace("-", "_")

    @property
    def classes(self) -> str:
        """What names of classes begin with."""
        return "".join(part.capitalize() for part in self.stem.split("-"))

    def component(self, kind: Kind) -> str:
        """Return the name of its component of a kind."""
        return f"{self.stem}-{kind}"

    def constant(self, kind: Kind) -> str:
        """Return what that component is called in ``plugin.py``."""
        return self.component(kind).replace("-", "_").upper()

    def put_into(self, text: str) -> str:
        """Return a template's text with these names in the place of its own.

        >>> Names("rateval-eyes", "eyes").put_into('MineMetric of "mine-metric"')
        'EyesMetric of "eyes-metric"'
        """
        text = re.sub(r"\bMine(?=[A-Z])", self.classes, text)
        return re.sub(r"\bmine-(?=[a-z])", f"{self.stem}-", text)


def read_stem(name: str) -> str:
    """Return a plugin's name without ``rateval-``. Raises RatevalError where it can be none.

    >>> read_stem("rateval-eyes"), read_stem("eyes")
    ('eyes', 'eyes')
    """
    stem = name.removeprefix("rateval-")
    if not _NAME.fullmatch(name) or not _NAME.fullmatch(stem):
        plain = unicodedata.normalize("NFKD", name.lower()).encode("ascii", "ignore").decode()
        near = re.sub(r"[^a-z0-9]+", "-", plain).strip("-0123456789")
        fits = _NAME.fullmatch(near) and near not in (name, "rateval")
        hint = f', such as "{near}"' if fits else ""
        raise RatevalError(
            f"{name!r:.80}: is no name of a plugin; it must be lower case letters and digits, "
            f"parted by single hyphens, and begin with a letter{hint}"
        )
    if stem == "rateval":
        raise RatevalError(
            f'{name}: is the name of rateval itself; give what yours is about, such as "eyes"'
        )
    if len(stem) > LONGEST:
        raise RatevalError(
            f"{name}: has {len(stem)} letters without rateval-; give at most {LONGEST}"
        )
    return stem


def read_names(name: str) -> Names:
    """Return the names of a distribution. Raises RatevalError where they can't be used.

    One that doesn't begin with ``rateval-`` gets that in front.

    >>> read_names("eyes")
    Names(distribution='rateval-eyes', stem='eyes')
    """
    stem = read_stem(name)
    names = Names(f"rateval-{stem}", stem)
    taken = names.package in sys.modules or find_spec(names.package) is not None
    if taken or keyword.iskeyword(stem):
        there = f"{names.package}: there is a package of this name here already"
        why = there if taken else f"{stem} is a word of Python"
        raise RatevalError(f"{name}: {why}; give another name")
    return names
