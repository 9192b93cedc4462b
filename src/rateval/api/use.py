"""What ``use`` names in a spec: a registered component, or a function in a Python file."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePath

MAKE = "make"
"""What a file's function is called in examples, and in labels left unsaid."""


@dataclass(frozen=True, slots=True)
class FileUse:
    """A function in a Python file, which makes a component: ``./my_dataset.py:make``."""

    file: str
    function: str
    """Empty where none is named."""

    @property
    def label(self) -> str:
        """Its name in reports: the function's, or the file's where that is just ``make``.

        >>> FileUse("data/kettles.py", "make").label, FileUse("metrics.py", "strict").label
        ('kettles', 'strict')
        """
        return (PurePath(self.file).stem if self.function in ("", MAKE) else self.function)[:80]


def read_use(use: str) -> FileUse | None:
    r"""Return the function in a file that ``use`` names; None for the name of a component.

    No component's name has a slash, a colon or a dot in it.

    >>> read_use("./my_dataset.py:make")
    FileUse(file='./my_dataset.py', function='make')
    >>> read_use("my_dataset.py"), read_use("C:\\data\\mine.py:make")
    (FileUse(file='my_dataset.py', function=''), FileUse(file='C:\\data\\mine.py', function='make'))
    >>> read_use(r"C:\data\mine.py").function, read_use("imagenet")
    ('', None)
    """
    if not re.search(r"[/\\:]|\.py$", use):
        return None
    file, colon, function = use.rpartition(":")
    if not colon or re.search(r"[/\\]|\.py$", function):
        return FileUse(use, "")
    return FileUse(file, function)
