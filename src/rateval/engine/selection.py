"""Which steps are computed when only some cells are asked for."""

from __future__ import annotations

from collections.abc import Sequence

from rateval.engine.cell_steps import Graph
from rateval.errors import RatevalError
from rateval.wording import fitting, list_some, meant

_NEAR = 0.6
"""As ``wording.NEAR``, but for labels of several parts, of which one may be missing."""


def select(graph: Graph, only: Sequence[str]) -> frozenset[str]:
    """Return the identities of the steps that may be computed: all of them without ``only``.

    Each of ``only`` is the label of a cell, or a pattern of labels with ``*`` and ``?``. Steps that
    compare two cells are computed where both are selected. Raises RatevalError for one that fits
    no cell.
    """
    if not only:
        return frozenset(graph.steps)
    chosen: set[int] = set()
    labels = [steps.cell.label for steps in graph.cells]
    for asked in only:
        fit = fitting(asked, labels)
        if not fit:
            raise RatevalError(f"--only {asked}: {_explain(asked, labels)}")
        chosen |= {place for place, label in enumerate(labels) if label in fit}
    cells = {id(graph.cells[place]) for place in chosen}
    found = {step.identity for place in chosen for step in graph.cells[place]}
    for pair in (pair for group in graph.agreements for pair in group):
        if {id(pair.first), id(pair.second)} <= cells:
            found.add(pair.agree.identity)
    return frozenset(found)


def _explain(asked: str, labels: Sequence[str]) -> str:
    hint = meant(asked, labels, near=_NEAR) or f"there are {list_some(labels)}"
    return f"no cell of this study has such a label; {hint}"
