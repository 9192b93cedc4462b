"""Which cells of a run are compared with which of another."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from rateval.errors import RatevalError
from rateval.records.key import Key
from rateval.records.run import RunRecord
from rateval.records.scores.cell import CellRecord
from rateval.records.scores.grouping import group_by
from rateval.records.shift import ShiftKey
from rateval.wording import list_some, meant

Chosen = tuple[str, str]
"""Label or pattern of the baseline's cells, and of the candidate's."""

_Method = tuple[str, str]
_Test = tuple[str, ShiftKey | None, str]
"""Dataset as the candidate names it, shift, attribution."""


@dataclass(frozen=True, slots=True)
class Group:
    """The cells of one run that differ in their seed only."""

    record: RunRecord
    cells: tuple[CellRecord, ...]

    @property
    def key(self) -> Key:
        """Their name, with the seed of one alone."""
        return self.cells[0].key.seedless if len(self.cells) > 1 else self.cells[0].key

    @property
    def method(self) -> _Method:
        """Labels of the model and of the method."""
        return self.key.model, self.key.finetuner

    @property
    def name(self) -> str:
        """Its label in full, for messages."""
        return self.key.text(attribution=True)

    def fits(self, asked: str) -> bool:
        """Return whether a label or a pattern names it, in full or by what tells it apart."""
        key = self.key
        short = f"{key.finetuner} on {key.dataset}"
        names = {key.finetuner, short, key.method, key.row, key.text(), self.name}
        # A bracket is one of the label's own characters, and begins no set of them.
        pattern = asked.replace("[", "[[]")
        return asked in names or any(fnmatchcase(name, pattern) for name in names)


Matched = tuple[Group, Group]
"""The candidate's cells, and the baseline's."""


def match_cells(
    candidate: RunRecord, baseline: RunRecord, chosen: Sequence[Chosen] = ()
) -> list[Matched]:
    """Return the cells that pair up, in the candidate's order.

    Those ``chosen``; else those of one dataset, shift and attribution by methods of the same
    labels, and the only method that each run trained, or has at all, whatever it is called.
    Raises RatevalError where none pair up, or a choice names none or several of one test.
    """
    ours, theirs = list_groups(candidate), list_groups(baseline)
    names = _match_datasets(candidate, baseline)
    if chosen:
        return [pair for one in chosen for pair in _choose(one, ours, theirs, names)]
    tests = {(_test(group, names), group.method): group for group in theirs}
    renamed = _find_renamed(ours, theirs)
    found = [
        (group, other)
        for group in ours
        for method in (group.method, renamed.get(group.method))
        if method and (other := tests.get((_test(group, {}), method)))
    ]
    if not found:
        raise RatevalError(
            f"{candidate.place} and {baseline.place}: no cell of one pairs up with one of the "
            f"other: the first has {list_some(one.name for one in ours) or 'none'}; the second has "
            f"{list_some(one.name for one in theirs) or 'none'}; choose which are to be compared: "
            "--pair BASELINE CANDIDATE, by label or pattern"
        )
    return found


def list_groups(record: RunRecord) -> list[Group]:
    """Return the cells of a run, those together that differ in their seed only."""
    grouped = group_by(record.cells, lambda cell: cell.key.seedless)
    return [Group(record, tuple(cells)) for cells in grouped]


def _match_datasets(candidate: RunRecord, baseline: RunRecord) -> Mapping[str, str]:
    """Return the baseline's label of each dataset to the candidate's.

    They are the same where the labels are, else where the test splits are.
    """
    ours = {found.whole_test: found.name for found in candidate.datasets}
    known = set(ours.values())
    return {
        found.name: found.name if found.name in known else ours.get(found.whole_test, found.name)
        for found in baseline.datasets
    }


def _test(group: Group, names: Mapping[str, str]) -> _Test:
    key = group.key
    return names.get(key.dataset, key.dataset), key.shift, key.attribution


def _find_renamed(ours: Sequence[Group], theirs: Sequence[Group]) -> Mapping[_Method, _Method]:
    """Return our only method to their only one: of those that were trained, else of all."""
    for trained in (True, False):
        mine, others = (
            {group.method for group in groups if group.cells[0].trained or not trained}
            for groups in (ours, theirs)
        )
        if len(mine) == len(others) == 1 and mine != others:
            return {mine.pop(): others.pop()}
    return {}


def _choose(
    chosen: Chosen, ours: Sequence[Group], theirs: Sequence[Group], names: Mapping[str, str]
) -> Iterator[Matched]:
    asked, other_asked = chosen[1], chosen[0]
    mine, others = _fitting(ours, asked, chosen), _fitting(theirs, other_asked, chosen)
    there = {_test(one, names) for one in others}
    both = [test for test in dict.fromkeys(_test(one, {}) for one in mine) if test in there]
    if not both and len(mine) == len(others) == 1:
        yield mine[0], others[0]  # of two tests on purpose, such as with a shift and without
        return
    if not both:
        raise RatevalError(
            f"{_option(chosen)}: names cells of different tests: "
            f"{list_some(one.name for one in others)} beside "
            f"{list_some(one.name for one in mine)}; name one cell of each run in full"
        )
    for test in both:
        one = [group for group in mine if _test(group, {}) == test]
        other = [group for group in others if _test(group, names) == test]
        for groups in (one, other):
            if len(groups) > 1:
                raise RatevalError(
                    f"{_option(chosen)}: names several cells of one test, "
                    f"{list_some(group.name for group in groups)}; name one of them"
                )
        yield one[0], other[0]


def _fitting(groups: Sequence[Group], asked: str, chosen: Chosen) -> list[Group]:
    found = [group for group in groups if group.fits(asked)]
    if not found:
        labels = [group.name for group in groups]
        hint = meant(asked, labels, near=0.6) or f"there are {list_some(labels) or 'none'}"
        path = groups[0].record.place if groups else "the run"
        raise RatevalError(f'{_option(chosen)}: no cell of {path} fits "{asked}"; {hint}')
    return found


def _option(chosen: Chosen) -> str:
    return f'--pair "{chosen[0]}" "{chosen[1]}"'
