"""The errors a user can cause; they print without a traceback and exit with code 2.

Any other exception is a bug of rateval or of a plugin: it keeps its traceback, and exits with 1.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


class RatevalError(Exception):
    """An error that says what is wrong, what is allowed and what to do next."""


class PluginError(RatevalError):
    """A plugin that cannot be imported, registers nonsense or breaks a protocol."""

    def __init__(self, message: str, *, kind: str | None = None) -> None:
        super().__init__(message)
        self.kind = kind
        """Kind of the component that is at fault, where several work together."""


@contextmanager
def naming(what: str, kind: str | None = None) -> Iterator[None]:
    """Turn whatever a plugin raises within the context into a PluginError that names it.

    ``what`` says whose code runs, ``kind`` what kind of component it is. An exit counts, too: else
    it would end everything without a word. What is a RatevalError already passes, and so does a
    lack of memory.

    >>> with naming('apply() of the shift "fog"'):  # doctest: +ELLIPSIS
    ...     raise SystemExit(3)
    Traceback (most recent call last):
    rateval.errors.PluginError: apply() of the shift "fog" raised SystemExit: 3 (<doctest ...
    """
    try:
        yield
    except (RatevalError, MemoryError):
        raise
    except (Exception, SystemExit) as error:
        import traceback  # every command starts with this module, and few end here

        place = traceback.extract_tb(error.__traceback__)[-1]
        raise PluginError(
            f"{what} raised {name_error(error)} ({Path(place.filename).name}:{place.lineno})",
            kind=kind,
        ) from error


def explain_error(error: BaseException) -> str:
    """Return what an error that a user can cause says, and of any other its kind besides.

    >>> explain_error(RatevalError("no room")), explain_error(ValueError("no room"))
    ('no room', 'ValueError: no room')
    """
    text = str(error)
    return text if isinstance(error, RatevalError) else name_error(error, text)


def name_error(error: BaseException, text: str | None = None) -> str:
    r"""Return the kind of an error and what it says, or the kind alone.

    ``text`` is what it says, in one line when None.

    >>> name_error(ValueError("no\nroom")), name_error(KeyError(), "")
    ('ValueError: no room', 'KeyError')
    """
    text = " ".join(str(error).split()) if text is None else text
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


class StudyError(RatevalError):
    """Something that concerns a whole study, such as a full disk: it ends a run at once."""


class OutputError(StudyError):
    """A standard stream that cannot be written to, such as one into a file on a full disk."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong, and where.

    >>> str(Problem("spec.toml: finetune[1].epoch", "unknown key"))
    'spec.toml: finetune[1].epoch: unknown key'
    """

    where: str
    """File and key, as in ``spec.toml: model[0].pretrained = "x"``."""
    what: str
    """What is wrong, what is allowed, what to do next."""

    def __str__(self) -> str:
        return f"{self.where}: {self.what}"


class SpecError(RatevalError):
    """Every problem of a spec, so that one run of the command shows them all."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))
