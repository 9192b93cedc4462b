"""Which cells of a run a requirement is about, and what each of them is compared with."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass

from rateval.errors import Problem, SpecError
from rateval.records.key import Key, Labels
from rateval.records.run import RunRecord
from rateval.records.scores.cell import CellRecord
from rateval.records.scores.grouping import group_by
from rateval.scoring.across.units import find_dataset
from rateval.spec.gate import Gate, Requirement
from rateval.wording import suggest

UNSHIFTED = "none"
"""What ``shift`` says for the unshifted test."""

_TABLES = {
    "dataset": "dataset",
    "model": "model",
    "method": "finetune",
    "shift": "shift",
    "attribution": "attribution",
    "validator": "evidence",
}
"""Key of a requirement to the table of a spec whose label it is."""


@dataclass(frozen=True, slots=True)
class Target:
    """A row of the run: one cell, or those that differ in their seed only."""

    key: Key
    """Without its seed where there are several."""
    keys: tuple[Key, ...]
    """Of its cells, as planned."""
    cells: tuple[CellRecord, ...]
    """Those that are there."""
    alone: bool = False
    """Whether predictions alone are asked about, so that any explainer's cells say the same."""

    def name(self, record: RunRecord) -> str:
        """Return what it is called; without an explainer where that makes no difference."""
        if not self.alone:
            return record.label(self.key)
        return self.key.text(seed=len(record.seeds) > 1)


@dataclass(frozen=True, slots=True)
class Baseline:
    """What targets are compared with."""

    run: RunRecord
    own: bool
    """Whether it is a method of the run itself."""
    method: str | None
    """Label of the method; None for the one of the same name, or the only one."""
    different_view: bool = False
    """Whether its models may see other parts of the images."""


def check_labels(record: RunRecord, gate: Gate) -> None:
    """Raise SpecError with every label of the requirements that the run doesn't have."""
    problems = []
    for at, one in enumerate(gate.require):
        for key, table in _TABLES.items():
            label = getattr(one, key)
            known = _known(record, key, table)
            if label is not None and label not in known:
                where = f'require[{at}] ({one.metric}): {key} = "{label}"'
                told = f"the run has no such {table}; {suggest(label, known)}"
                problems.append(Problem(where, told))
    if problems:
        raise SpecError(problems)


def _known(record: RunRecord, key: str, table: str) -> list[str]:
    """Return what a key of a requirement may say: labels, and of shifts their families, too."""
    if key != "shift":
        return record.labels(table)
    families = [one.shift.family for one in record.planned if one.shift is not None]
    return list(dict.fromkeys((*families, *record.labels(table), UNSHIFTED)))


def find_targets(
    record: RunRecord, one: Requirement, own: str | None, *, alone: bool = False
) -> list[Target]:
    """Return the rows that a requirement is about, failed ones among them, in the plan's order.

    Those are trained ones, unless it names a method or nothing was trained; never those of ``own``,
    the method that others are compared with. ``alone`` says that its metric counts predictions
    alone: then it is about each classifier on each test once, by the first explainer of which no
    cell is missing.
    """
    there = {cell.key: cell for cell in record.cells}
    keys = list(dict.fromkeys((*record.planned, *there)))
    asked = [key for key in keys if _fits(key, one) and key.finetuner != own]
    if one.method is None:
        untrained = {cell.key.finetuner for cell in record.cells if not cell.trained}
        trained = [key for key in asked if key.finetuner not in untrained]
        asked = trained or asked
    several = len(record.seeds) > 1
    groups = group_by(asked, lambda key: key.seedless if several else key)
    if alone:
        ways = group_by(groups, lambda group: _without_explainer(group[0], seed=not several))
        groups = [min(ways_, key=lambda group: _count_missing(group, there)) for ways_ in ways]
    return [
        Target(
            group[0].seedless if several else group[0],
            tuple(group),
            tuple(there[key] for key in group if key in there),
            alone,
        )
        for group in groups
    ]


def _without_explainer(key: Key, *, seed: bool) -> Labels:
    return key.without("attribution") if seed else key.without("attribution", "seed")


def _count_missing(keys: Iterable[Key], there: Container[Key]) -> int:
    return sum(key not in there for key in keys)


def _fits(key: Key, one: Requirement) -> bool:
    parts = (
        (one.dataset, key.dataset),
        (one.model, key.model),
        (one.method, key.finetuner),
        (one.attribution, key.attribution),
    )
    shift = {UNSHIFTED} if key.shift is None else {key.shift.family, key.shift.text}
    return all(asked in (None, label) for asked, label in parts) and one.shift in (None, *shift)


def pair_up(target: Target, baseline: Baseline, record: RunRecord) -> list[CellRecord] | str:
    """Return the cells that a target is compared with, or why there are none."""
    cells = [cell for cell in baseline.run.cells if _is_same_test(cell.key, target, baseline)]
    if not baseline.own:
        cells = list(_share_images(cells, target, baseline, record))
    if baseline.method is not None:
        cells = [cell for cell in cells if cell.key.finetuner == baseline.method]
    named = [cell for cell in cells if cell.key.method == target.key.method]
    if not baseline.own and named:
        cells = named
    if target.alone:
        cells = [ways[0] for ways in group_by(cells, lambda cell: cell.key.without("attribution"))]
    methods = list(dict.fromkeys(cell.key.method for cell in cells))
    if not methods:
        return "the baseline has no such cell on the same images, or it failed"
    if len(methods) > 1:
        return "the baseline has several methods here; name one by against_method"
    return cells


def _is_same_test(key: Key, target: Target, baseline: Baseline) -> bool:
    other = target.key
    if key.shift != other.shift or not (target.alone or key.attribution == other.attribution):
        return False
    return not baseline.own or (key.dataset, key.model) == (other.dataset, other.model)


def _share_images(
    cells: Iterable[CellRecord], target: Target, baseline: Baseline, record: RunRecord
) -> Iterator[CellRecord]:
    tests = {find_dataset(record, cell).whole_test for cell in target.cells}
    for cell in cells:
        if find_dataset(baseline.run, cell).whole_test in tests:
            yield cell
