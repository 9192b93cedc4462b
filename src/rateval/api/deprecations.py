"""What of the contract goes away: it is still there for two versions, and says what to write.

A name of a door that is renamed stays in ``NAMES``. A hook that is renamed keeps its old
specification in ``rateval.api.hookspecs``, marked ``@hookspec(warn_on_impl=warning_of(…))``.
"""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from rateval.api.version import VERSIONS


class ContractWarning(DeprecationWarning):
    """A plugin uses what a later version of the contract takes away."""


@dataclass(frozen=True, slots=True)
class Deprecated:
    """A name that goes away."""

    since: str
    """The version of the contract that said so first."""
    instead: str
    """``module:name`` of what is to be written, which the old name still gives."""


NAMES: Mapping[str, Deprecated] = MappingProxyType({})
"""By ``module:name``, such as ``rateval.api:Sample``. There is none as yet."""


def warning_of(old: str, since: str, instead: str) -> ContractWarning:
    """Return the warning that something is deprecated, and what to write instead.

    >>> print(warning_of("rateval.api.Old", "1.0", "rateval.api.New"))
    rateval.api.Old is deprecated since version 1.0 of the contract; write rateval.api.New instead
    """
    return ContractWarning(
        f"{old} is deprecated since version {since} of the contract; write {instead} instead"
    )


def may_go(since: str, versions: tuple[str, ...] = VERSIONS) -> bool:
    """Return whether what is deprecated since a version has warned for two, and may be taken away.

    >>> may_go("1.1", ("1.0", "1.1", "1.2")), may_go("1.1", ("1.0", "1.1", "1.2", "2.0"))
    (False, True)
    """
    return len(versions[versions.index(since) :]) > 2


def find_deprecated(door: str, name: str, names: Mapping[str, Deprecated] = NAMES) -> Any:
    """Return what a deprecated name of a door stands for, with a warning.

    Raises AttributeError when the door has none of that name among ``names``.
    """
    entry = names.get(f"{door}:{name}")
    if entry is None:
        raise AttributeError(f"module {door!r} has no attribute {name!r}")
    module, _, attribute = entry.instead.partition(":")
    told = warning_of(f"{door}.{name}", entry.since, f"{module}.{attribute}")
    warnings.warn(told, stacklevel=3)
    return getattr(importlib.import_module(module), attribute)


@contextmanager
def hearing() -> Iterator[list[str]]:
    """Yield a list that has, once the context is left, what the contract warned of within.

    Other warnings are shown as ever.

    >>> with hearing() as told:
    ...     warnings.warn(warning_of("rateval.api.Old", "1.0", "rateval.api.New"), stacklevel=1)
    >>> len(told)
    1
    """
    told: list[str] = []
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always", ContractWarning)
        yield told
    for one in heard:
        if issubclass(one.category, ContractWarning):
            told.append(str(one.message))
        else:
            warnings.showwarning(one.message, one.category, one.filename, one.lineno)
