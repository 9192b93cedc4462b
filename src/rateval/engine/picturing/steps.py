"""Which pictures a study keeps: a step per test, by the cells that have verdicts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rateval.data.splits import Way
from rateval.plan.cells import Choice
from rateval.records.about.pictures import PICTURES, PicturesRecord
from rateval.records.facts import PicturesFacts
from rateval.records.key import Key, Labels
from rateval.records.run import RunRecord
from rateval.records.shift import ShiftKey
from rateval.records.step import Step
from rateval.scoring.comparing import is_trained
from rateval.scoring.judged import Judged
from rateval.store.identity import identify_result
from rateval.workbench.pictures import QUALITY, SIDE

Find = Callable[[str, str], Choice]
"""The choice of a table of the spec by its label."""
_Test = tuple[str, ShiftKey | None, int | None]
"""Name of a test: dataset, shift, and the seed where it matters."""
_RULE = "fewest drawn, rarest, first by name; by digest of the ids"


@dataclass(frozen=True, slots=True)
class Seen:
    """A cell whose predictions were judged, and where that is stored."""

    key: Key
    trained: bool
    classifier: str
    inferred: str
    verdicts: tuple[tuple[str, str], ...]
    """Label of each validator that judged it, and its verdicts."""


def list_judged(judged: Iterable[Judged], validators: Sequence[Choice]) -> Iterator[Seen]:
    """Yield the cells that a run has verdicts of."""
    for done in judged:
        verdicts = zip(validators, done.verdicts, strict=True)
        yield Seen(
            done.cell.key,
            is_trained(done),
            done.finetuned.identity,
            done.inferred.identity,
            tuple((choice.label, found.identity) for choice, found in verdicts if found),
        )


def list_recorded(record: RunRecord) -> Iterator[Seen]:
    """Yield the cells that a run had verdicts of."""
    for cell in record.cells:
        verdicts = tuple((one.validator, one.identity) for one in cell.evidence)
        yield Seen(cell.key, cell.trained, cell.classifier, cell.identity, verdicts)


@dataclass(frozen=True, slots=True)
class Study:
    """What pictures of a study depend on beside its cells."""

    planned: Sequence[Key]
    """All cells of the study, done or not."""
    find: Find
    inputs: Callable[[Choice, int | None], Mapping[str, Any]]
    """What determines the object of a choice by a seed."""
    identity: Callable[[Choice, int | None], str]
    """Identity of the test split of a dataset by a seed, as far as the study uses it."""
    limit: int | None
    limit_by: Way

    def test_of(self, key: Key) -> _Test:
        """Return the name of a cell's test: dataset, shift, and the seed where it matters."""
        choices = [self.find("dataset", key.dataset)]
        choices += [self.find("shift", key.shift.text)] if key.shift else []
        return key.dataset, key.shift, key.seed if any(one.seeded for one in choices) else None


def list_steps(study: Study, seen: Iterable[Seen], count: int) -> list[Step]:
    """Return the step of each test that has verdicts: ``count`` images of each dataset.

    The tests of a dataset share them equally, the first ones with one more where it doesn't come
    out even. What a test's pictures depend on are the verdicts that there are.
    """
    tests = list(dict.fromkeys(map(study.test_of, study.planned)))
    cells: dict[_Test, list[Seen]] = {test: [] for test in tests}
    for one in seen:
        if one.verdicts:
            cells.setdefault(study.test_of(one.key), []).append(one)
    steps = []
    for test, there in cells.items():
        same = [other for other in tests if other[0] == test[0]]
        share, more = divmod(count, max(1, len(same)))
        share += same.index(test) < more if test in same else 0
        if there and share:
            steps.append(_step(study, test, there, share))
    return steps


def _step(study: Study, test: _Test, cells: Sequence[Seen], count: int) -> Step:
    dataset, shifted, seed = test
    shift = None if shifted is None else shifted.text
    choice = study.find("dataset", dataset)
    name = _Names(study.planned, cells)
    against = _find_zero_shot(cells)
    inputs = {
        "dataset": dataset,
        "shift": shift,
        "seed": seed,
        "test": study.identity(choice, seed),
        "shifted": None if shift is None else study.inputs(study.find("shift", shift), seed),
        "limit": [study.limit, study.limit_by],
        "count": count,
        "rule": _RULE,
        "picture": {"side": SIDE, "quality": QUALITY},
        "cells": sorted((_cell(one, against(one), name) for one in cells), key=_by_name),
    }
    at_seed = "" if seed is None else f", seed {seed}"
    label = dataset + (f", {shift}" if shift else "") + at_seed
    stored = {one.inferred: None for one in cells}
    stored |= {identity: None for one in cells for _, identity in one.verdicts}
    return Step("pictures", label, identify_result(PICTURES, inputs), inputs, tuple(stored))


def _cell(one: Seen, against: Seen | None, name: _Names) -> dict[str, Any]:
    before = {} if against is None else dict(against.verdicts)
    return {
        "model": one.key.model,
        "seed": one.key.seed,
        "classifier": one.classifier,
        "inferred": one.inferred,
        "verdicts": [
            {
                "name": name.of(one.key, validator),
                "judged": identity,
                "against": None
                if against is None or validator not in before
                else [against.inferred, before[validator]],
            }
            for validator, identity in one.verdicts
        ],
    }


def _by_name(cell: Mapping[str, Any]) -> str:
    return str(cell["verdicts"][0]["name"])


class _Names:
    """Names of cells and validators within one test, as short as tells them apart in a study."""

    def __init__(self, planned: Sequence[Key], cells: Sequence[Seen]) -> None:
        self._attributions = len({key.attribution for key in planned}) > 1
        self._seeds = len({key.seed for key in planned} - {None}) > 1
        self._validators = len({label for one in cells for label, _ in one.verdicts}) > 1

    def of(self, key: Key, validator: str) -> str:
        """Return the name of a validator's verdicts on a cell."""
        parts = [key.method]
        parts += [key.attribution] if self._attributions else []
        parts += [f"seed {key.seed}"] if self._seeds and key.seed is not None else []
        return " · ".join(parts) + (f" by {validator}" if self._validators else "")


def _find_zero_shot(cells: Sequence[Seen]) -> Callable[[Seen], Seen | None]:
    """Return what finds the cell that another one's changes are taken against, as scores do."""
    found: dict[tuple[Labels, int | None], Seen] = {}
    for one in cells:
        if not one.trained:
            found.setdefault((one.key.test, one.key.seed), one)

    def find(one: Seen) -> Seen | None:
        baseline = found.get((one.key.test, one.key.seed)) or found.get((one.key.test, None))
        return None if baseline is one else baseline

    return find


def record_pictures(
    step: Step, facts: Mapping[str, Any], planned: Iterable[Key]
) -> Iterator[PicturesRecord]:
    """Yield what is recorded of a step's pictures: one record per view."""
    found = PicturesFacts.model_validate(facts)
    shifts = {key.shift.text: key.shift for key in planned if key.shift is not None}
    for view in found.views:
        yield PicturesRecord(
            dataset=step.inputs["dataset"],
            shift=shifts.get(step.inputs["shift"]),
            seed=step.inputs["seed"],
            identity=step.identity,
            count=found.count,
            of=found.of,
            asked=found.asked,
            strata=found.strata,
            **view.model_dump(),
        )
