"""The libraries that rateval and its extras ask for, by what is written about them here."""

from __future__ import annotations

import importlib.metadata
import re
import sys
from collections.abc import Iterable, Sequence

from rateval.doctor.record import Extra, Library
from rateval.registry.registry import BUNDLED_DISTRIBUTION, normalise

_TO_DEVELOP = frozenset({"all", "dev"})
"""Extras that are made of others, or are for who works on rateval."""
_REQUIREMENT = re.compile(r"([A-Za-z0-9][\w.-]*)\s*(?:\[[^\]]*\])?\s*\(?([^;)]*)\)?\s*(?:;(.*))?")
_EXTRA = re.compile(r"extra\s*==\s*['\"]([^'\"]+)['\"]")
_PYTHON = re.compile(r"python_version\s*(<=|>=|==|!=|<|>)\s*['\"]([^'\"]+)['\"]")
_CONDITION = re.compile(r"\s*(<=|>=|==|!=|~=|<|>)\s*([^,\s]+)\s*")


def read_libraries(lines: Sequence[str] | None = None) -> tuple[tuple[Library, ...], list[Extra]]:
    """Return what rateval always needs, and its extras by name.

    ``lines`` are requirements as an installed distribution declares them: those of rateval.
    """
    if lines is None:
        lines = importlib.metadata.requires(BUNDLED_DISTRIBUTION) or []
    needed: dict[str, dict[str, Library]] = {}
    for line in lines:
        if parsed := _REQUIREMENT.fullmatch(line.strip()):
            name, wanted, marker = parsed[1], parsed[2].strip(), parsed[3] or ""
            extra = _EXTRA.search(marker)
            key = normalise(extra[1]) if extra else ""
            if _asked_here(marker) and key not in _TO_DEVELOP:
                needed.setdefault(key, {})[normalise(name)] = _look_up(name, wanted)
    always = tuple(needed.pop("", {}).values())
    return always, [Extra(name, tuple(needed[name].values())) for name in sorted(needed)]


def _asked_here(marker: str) -> bool:
    python = "{}.{}".format(*sys.version_info[:2])
    return all(_holds(python, found[1], found[2]) for found in _PYTHON.finditer(marker))


def _look_up(name: str, wanted: str) -> Library:
    try:
        version = importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return Library(name, None, wanted, fits=False)
    return Library(name, version, wanted, fits=fits(version, wanted))


def fits(version: str, wanted: str) -> bool:
    """Return whether a version is one of those wanted, by the numbers of its release.

    >>> fits("2.10.1+cpu", ">=2.4"), fits("2.1", ">=2.4,<3"), fits("3.0", ">=2.4,<3"), fits("1", "")
    (True, False, False, True)
    """
    return all(_holds(version, found[1], found[2]) for found in _CONDITION.finditer(wanted))


def _holds(version: str, operator: str, bound: str) -> bool:
    here, there = _release(version), _release(bound.removesuffix(".*"))
    if bound.endswith(".*"):
        here = here[: len(there)]
    compatible = here >= there and here[: len(there) - 1] == there[:-1]
    here, there = _pad(here, there), _pad(there, here)
    return {
        "<": here < there,
        "<=": here <= there,
        "==": here == there,
        "!=": here != there,
        ">=": here >= there,
        ">": here > there,
        "~=": compatible,
    }[operator]


def _release(version: str) -> tuple[int, ...]:
    """Return the numbers of a release, without what tells builds and candidates apart.

    >>> _release("2.10.0rc1"), _release("1.0.2+cu124")
    ((2, 10, 0), (1, 0, 2))
    """
    numbers = re.match(r"v?(?:\d+!)?(\d+(?:\.\d+)*)", version)
    return tuple(map(int, numbers[1].split("."))) if numbers else ()


def _pad(numbers: tuple[int, ...], other: Iterable[int]) -> tuple[int, ...]:
    return numbers + (0,) * (len(tuple(other)) - len(numbers))
