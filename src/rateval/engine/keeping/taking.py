"""What runs take on disk: their folders, the results that they name, and what only one names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rateval.engine.keeping.naming import VIEW
from rateval.engine.keeping.runs import RunFolder, list_named
from rateval.store.inventory import list_results, size_of


@dataclass(frozen=True, slots=True)
class Taken:
    """Bytes of one run."""

    own: int
    """Of its folder."""
    results: int
    """Of the results that it names."""
    alone: int
    """Of those that no other run names."""


@dataclass(frozen=True, slots=True)
class Total:
    """What a store takes."""

    results: int
    size: int
    unnamed: int
    """Bytes of results that no run names; models' views, which none does, aren't in it."""


def measure(output: Path, runs: Sequence[RunFolder]) -> tuple[dict[Path, Taken], Total]:
    """Return what each run takes, by its folder, and their store."""
    sizes: Counter[str] = Counter()
    loose: dict[str, int] = {}
    results = list(list_results(output / "store"))
    for result in results:
        size = size_of(result.path)
        sizes[result.identity] += size
        if result.stage != VIEW:
            loose[result.identity] = size
    there = {run.path: run.names & sizes.keys() for run in runs}
    named = Counter(name for names in there.values() for name in names)
    taken = {
        path: Taken(
            size_of(path),
            sum(sizes[name] for name in names),
            sum(sizes[name] for name in names if named[name] == 1),
        )
        for path, names in there.items()
    }
    known = list_named(output) | named.keys()
    unnamed = sum(size for name, size in loose.items() if name not in known)
    return taken, Total(len(results), sum(sizes.values()), unnamed)
