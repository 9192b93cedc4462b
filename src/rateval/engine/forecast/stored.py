"""What a store holds already, looked at without opening it: nothing is made, locked or swept."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rateval.engine.cell_steps import Graph
from rateval.store.manifest import DamageError, read_manifest
from rateval.store.remote.opening import open_behind


@dataclass(frozen=True, slots=True)
class Kept:
    """A stored result, as far as its manifest tells."""

    bytes: int
    """Of its files, the manifest's own aside."""
    facts: dict[str, Any]
    seconds: float


def find_kept(graph: Graph, root: Path) -> dict[str, Kept]:
    """Return what is stored of a graph's steps, by their identities; what lacks a file is not.

    Only sizes are compared: a run looks at every bit of what it reads.
    """
    found, behind = {}, open_behind(root)
    for step in graph.steps.values():
        folder = root / step.stage / step.identity
        try:
            if not behind.find(folder):
                continue
            manifest = read_manifest(folder)
            behind.check(folder, manifest, whole=False, digests=False)
        except DamageError:
            continue
        size = sum(noted["size"] for noted in manifest["files"].values())
        found[step.identity] = Kept(size, manifest["facts"], manifest["seconds"])
    return found


def find_to_do(
    graph: Graph, selected: Collection[str], kept: Collection[str], *, reuse: bool
) -> list[str]:
    """Return the identities of the steps that a run would do, each after those that it needs."""
    return [one for one in graph.steps if one in selected and not (reuse and one in kept)]
