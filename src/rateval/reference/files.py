"""The authors' JSON files, read and checked: a list of whole numbers each, one per image."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from rateval.errors import Problem, SpecError
from rateval.json_file import require_regular

if TYPE_CHECKING:
    from numpy.typing import NDArray

_LARGEST = 2**31 - 1
"""What a class's number can be in rows."""


@dataclass(frozen=True, slots=True)
class MethodFiles:
    """The files of one method."""

    name: str
    predictions: Path
    evidence: Path


@dataclass(frozen=True, slots=True, eq=False)
class Method:
    """What one method said of the images."""

    name: str
    predictions: NDArray[np.int64]
    """(N,) numbers of classes."""
    valid: NDArray[np.bool_]
    """(N,) whether the evidence was judged valid."""


@dataclass(frozen=True, slots=True, eq=False)
class Answers:
    """The content of a set of files."""

    labels: NDArray[np.int64]
    """(N,) numbers of classes."""
    methods: tuple[Method, ...]


def read_answers(labels: Path, methods: Sequence[MethodFiles]) -> Answers:
    """Read and check a set of files.

    Raises SpecError with everything that is wrong: a file that is no list of whole numbers, lists
    of different lengths, evidence other than 0 and 1, two methods of one name.
    """
    problems: list[Problem] = []
    given = _read(labels, problems)
    found = [
        (files, _read(files.predictions, problems), _read(files.evidence, problems, binary=True))
        for files in methods
    ]
    names = [files.name for files in methods]
    problems += [
        Problem(f"--method {name}", "is there twice; give each its own name")
        for name in dict.fromkeys(name for name in names if names.count(name) > 1)
    ]
    for files, *read in found:
        for path, values in zip((files.predictions, files.evidence), read, strict=True):
            if given is not None and values is not None and len(values) != len(given):
                problems.append(_differ(path, values, labels, given))
    if given is not None and not len(given):
        problems.append(Problem(str(labels), "holds no label; name a file with one per image"))
    if problems:
        raise SpecError(problems)
    return Answers(
        _array(given),
        tuple(Method(f.name, _array(said), _array(valid) == 1) for f, said, valid in found),
    )


def _array(values: list[int] | None) -> NDArray[np.int64]:
    return np.array(values or [], dtype=np.int64)


def _differ(path: Path, values: list[int], labels: Path, given: list[int]) -> Problem:
    return Problem(
        str(path),
        f"holds {len(values):,} values, and {labels} holds {len(given):,} labels; give files of "
        "the same images in the same order",
    )


def _read(path: Path, problems: list[Problem], *, binary: bool = False) -> list[int] | None:
    """Return the numbers of a file; None, and why among the problems, when it holds others."""
    try:
        require_regular(path)
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        why = getattr(error, "strerror", None) or error
        problems.append(Problem(str(path), f"cannot be read as JSON: {why}; name another file"))
        return None
    allowed = "0 or 1" if binary else f"a whole number from 0 to {_LARGEST:,}"
    if not isinstance(values, list):
        what = f"must be a list with {allowed} for each image, not a {type(values).__name__}"
        problems.append(Problem(str(path), f"{what}; name another file"))
        return None
    top = 1 if binary else _LARGEST
    wrong = [at for at, value in enumerate(values) if not _is_whole(value, top)]
    if wrong:
        shown = json.dumps(values[wrong[0]])
        what = f"must be {allowed}, as all but {len(wrong):,} of the {len(values):,} values are"
        place = f"{path}: [{wrong[0]}] = {shown if len(shown) <= 40 else shown[:37] + '...'}"
        problems.append(Problem(place, f"{what}; mend it, or name another file"))
        return None
    return values


def _is_whole(value: object, top: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= top
