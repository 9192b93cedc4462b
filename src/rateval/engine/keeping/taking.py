"""What runs take on disk: their folders, the results that they name, and what only one names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rateval.engine.keeping.runs import RunFolder
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


def measure(output: Path, runs: Sequence[RunFolder]) -> tuple[dict[Path, Taken], Mapping[str, int]]:
    """Return what each run takes, by its folder, and the bytes of each result by its identity."""
    sizes: Counter[str] = Counter()
    for result in list_results(output / "store"):
        sizes[result.identity] += size_of(result.path)
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
    return taken, sizes
