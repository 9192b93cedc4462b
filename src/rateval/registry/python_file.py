"""A Python file of the user's, loaded so that nothing else of the process can tell."""

from __future__ import annotations

import hashlib
import sys
import traceback
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

from rateval.api.component import Component
from rateval.errors import RatevalError
from rateval.registry.registry import Plugin
from rateval.wording import meant

LARGEST = 16 << 20
"""Bytes of a file at most."""
ALONE = (
    "the file stands alone: its folder is not searched for modules; put what it needs into it, or "
    "make a package of both (docs/plugins.md)"
)


@dataclass(frozen=True, slots=True)
class PythonFile(Plugin):
    """A Python file in the place of a plugin: its version is the digest of its bytes.

    ``name`` is its path as messages have it. It travels to other processes with its bytes, and is
    loaded there first of all: what was made by it needs its module.
    """

    path: Path
    """Absolute."""
    source: bytes = field(repr=False)

    def __str__(self) -> str:
        return self.name

    def use_of(self, component: Component) -> str:
        """Return what ``use`` names one of its functions by."""
        return f"{self.name}:{component.name}"

    def __reduce__(self) -> tuple[Any, ...]:
        return _load, (self.name, self.path, self.source)

    @property
    def module(self) -> str:
        """Name of its module, which no ``import`` can name and no other file or version has."""
        told = hashlib.sha256(f"{self.path}\n{self.version}".encode("utf-8", "surrogateescape"))
        return f"rateval-file-{self.path.stem.replace('.', '-')}-{told.hexdigest()[:16]}"


def read_file(shown: Path) -> PythonFile:
    """Read a file without running it. Raises RatevalError when it can't be a Python file.

    ``shown`` is its path, as messages have it.
    """
    if shown.suffix != ".py":
        raise RatevalError(
            f"{shown} is no Python file; write the path of one, which ends in .py, a colon, and "
            'the name of its function: "./my_file.py:make"'
        )
    try:
        if shown.exists() and not shown.is_file():  # reading a pipe would wait for ever
            raise RatevalError(f"{shown} is no file; give a Python file")
        with shown.open("rb") as file:
            source = file.read(LARGEST + 1)
    except (FileNotFoundError, NotADirectoryError):
        raise RatevalError(f"no such file: {shown}; {_find_near(shown)}") from None
    except (OSError, ValueError) as error:  # NUL in a path is a ValueError
        why = getattr(error, "strerror", None) or error
        raise RatevalError(f"{shown} cannot be read: {why}") from None
    if len(source) > LARGEST:
        raise RatevalError(f"{shown} is larger than {LARGEST >> 20} MiB, and so no Python file")
    return _describe(str(shown), shown.absolute(), source)


def _describe(name: str, path: Path, source: bytes) -> PythonFile:
    digest = hashlib.sha256(source).hexdigest()
    return PythonFile(name, "file", f"sha256:{digest}", path, source)


def _load(name: str, path: Path, source: bytes) -> PythonFile:
    file = _describe(name, path, source)
    load_module(file)
    return file


def _find_near(path: Path) -> str:
    folder = path.parent
    if not folder.is_dir():
        return f"there is no folder {folder}, either"
    files = [other.name for other in folder.iterdir() if other.suffix == ".py"]
    return meant(path.name, files) or "its path starts from the folder of the spec"


def load_module(file: PythonFile) -> ModuleType:
    """Run a file, once for each version of it, and return its module.

    The module stays in ``sys.modules``, where dataclasses, pydantic and pickle look for it, under
    a name that hides no other one. Raises RatevalError when the file is no Python or raises.
    """
    if file.module in sys.modules:
        return sys.modules[file.module]
    module = ModuleType(file.module)
    module.__file__ = str(file.path)
    module.__package__ = ""  # of none, so that a relative import says just that
    sys.modules[file.module] = module
    try:
        # The bytes that were digested, whatever the file holds by now; nothing is cached on disk.
        code = compile(file.source, str(file.path), "exec", dont_inherit=True)
        exec(code, module.__dict__)  # noqa: S102 - the code that the spec names
    except (Exception, SystemExit) as error:
        del sys.modules[file.module]
        raise RatevalError(_explain(file, error)) from error
    except BaseException:
        del sys.modules[file.module]
        raise
    return module


def _explain(file: PythonFile, error: BaseException) -> str:
    if isinstance(error, SyntaxError) and error.filename == str(file.path):
        line = f"line {error.lineno}: " if error.lineno else ""
        return f"{file} is no Python: {line}{error.msg}; mend the file"
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame.lineno for frame in frames if frame.filename == str(file.path)]
    where = f", line {lines[-1]}," if lines else ""
    text = " ".join(str(error).split())
    what = f"{type(error).__name__}: {text}" if text else type(error).__name__
    return f"{file}{where} raised {what} when it was imported; {_advise(file, error)}"


def _advise(file: PythonFile, error: BaseException) -> str:
    if not isinstance(error, ImportError):
        return "mend the file"
    neighbour = file.path.parent / (error.name or "").partition(".")[0]
    if "relative import" in str(error) or (
        error.name and (neighbour.is_dir() or neighbour.with_suffix(".py").is_file())
    ):
        return ALONE
    return "install what it imports, or mend the file"
