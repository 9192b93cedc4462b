"""The grid of a study: its choices, and the cells that they form."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

from rateval.api.component import EDITS, MAPS_AND_EDITS
from rateval.api.kinds import KINDS
from rateval.api.params import Params
from rateval.plan.behind_urls import describe_params
from rateval.plan.seeds import depends_on_seed, note_seed, seeds_of
from rateval.records.key import Key
from rateval.records.shift import ShiftKey
from rateval.registry.registry import Registered
from rateval.store.identity import identify


@dataclass(frozen=True, slots=True)
class Choice:
    """A component with its checked params, under the label that reports show."""

    label: str
    registered: Registered
    params: Params
    finetuners: tuple[str, ...] | None = None
    """Labels of the methods that it explains; None is all of them."""
    shift: ShiftKey | None = None
    """Of a shift: its parts in keys, whose text is the label; None of anything else."""
    group: str | None = None
    """Of a shift: what its type is told with, such as noise; None where nothing says."""
    train_shift: Choice | None = None
    """Of a dataset: the shift of its training split, if any."""
    task: Choice | None = None
    """Of a dataset of a plan: the task that it poses."""

    def serves(self, finetuner: Choice) -> bool:
        """Return whether it explains what a method classifies."""
        return self.finetuners is None or finetuner.label in self.finetuners

    @property
    def by_edits(self) -> bool:
        """Whether it needs predictions under edits: a validator or a metric."""
        return self.registered.component.needs in (EDITS, MAPS_AND_EDITS)

    def speaks_of(self, validator: Choice) -> bool:
        """Return whether a metric can be counted by a validator's verdicts.

        One that compares maps with causes can't where the verdicts are of causes.
        """
        return not (validator.by_edits and self.registered.component.needs == MAPS_AND_EDITS)

    @property
    def seeded(self) -> bool:
        """Whether its object depends on the study's seed; a seed of its own goes first."""
        own = depends_on_seed(self.registered.component, self.params)
        return own or (self.train_shift is not None and self.train_shift.seeded)

    @property
    def per_cell(self) -> bool:
        """Whether its params depend on the cell, whose labels they take when laid out."""
        return type(self.params).for_cell is not Params.for_cell

    @property
    def identity(self) -> str:
        """Digest of what determines its object but for seed and files, equal in any process."""
        return identify(self.describe())

    def describe(self) -> dict[str, Any]:
        """Return what of this choice determines results, as JSON values, its digest aside."""
        component, plugin = self.registered.component, self.registered.plugin
        values = {
            "kind": self.registered.kind,
            "component": component.name,
            "version": component.version,
            "distribution": plugin.origin,
            "params": describe_params(self.registered, self.params),
        }
        if self.train_shift is not None:
            values["train_shift"] = self.train_shift.describe()
        return values

    @property
    def plain(self) -> Choice:
        """The choice without a shift of its training split."""
        return self if self.train_shift is None else replace(self, train_shift=None)


@dataclass(frozen=True, slots=True)
class Cell:
    """One point of the grid; its stages depend on nothing outside it."""

    dataset: Choice
    model: Choice
    finetuner: Choice
    shift: Choice | None
    attribution: Choice
    seed: int | None
    """Seed of the study that it is done with; None when nothing of it depends on that."""
    several: bool = False
    """Whether the study has several seeds, which labels must tell apart."""
    several_attributions: bool = False
    """Whether the study has several attributions, which labels must tell apart as well."""

    @property
    def beside_boxes(self) -> bool:
        """Whether the task of its dataset holds maps against random boxes, too."""
        task = self.dataset.task
        return task is not None and type(task.params).beside_boxes

    @property
    def choices(self) -> tuple[Choice, ...]:
        """Everything that it is made of."""
        parts = (self.dataset, self.model, self.finetuner, self.shift, self.attribution)
        return tuple(choice for choice in parts if choice is not None)

    @property
    def key(self) -> Key:
        """The name of this cell, by the labels of the spec."""
        return Key(
            dataset=self.dataset.label,
            model=self.model.label,
            finetuner=self.finetuner.label,
            shift=self.shift.shift if self.shift else None,
            attribution=self.attribution.label,
            seed=self.seed,
        )

    @property
    def label(self) -> str:
        """The name of this cell in messages."""
        return self.key.text(attribution=self.several_attributions, seed=self.several)

    def seed_note(self, *choices: Choice) -> str:
        """Return the seed after the label of what is made of ``choices``, where labels need it."""
        seeded = any(choice.seeded for choice in choices)
        return note_seed(self.seed if seeded else None, several=self.several)


def count_cells(choices: Mapping[str, Sequence[Choice]], seeds: Sequence[int]) -> int:
    """Return how many cells ``lay_out`` yields, without laying them out."""
    every, once = _count_pairs(choices["finetune"], choices["attribution"])
    for table, more in (("model", 0), ("dataset", 0), ("shift", 1)):
        every *= more + len(choices[table])
        once *= more + sum(not choice.seeded for choice in choices[table])
    if any(judge.seeded for judge in (*choices["evidence"], *choices["metric"])):
        once = 0
    return once + (every - once) * len(seeds)


def _count_pairs(finetuners: Sequence[Choice], attributions: Sequence[Choice]) -> tuple[int, int]:
    """Return how many methods are explained, each once per attribution: all, and by no seed."""
    every = once = 0
    alike = Counter((attribution.finetuners, attribution.seeded) for attribution in attributions)
    for (served, seeded), count in alike.items():
        labels = None if served is None else frozenset(served)
        explained = [one for one in finetuners if labels is None or one.label in labels]
        every += count * len(explained)
        once += 0 if seeded else count * sum(not one.seeded for one in explained)
    return every, once


def describe_grid(choices: Mapping[str, Sequence[Choice]], seeds: Sequence[int]) -> str:
    """Return what a grid is made of, such as ``2 dataset × 1 model``."""
    parts = [
        f"{len({choice.label for choice in choices[facts.table]})} {facts.table}"
        for kind, facts in KINDS.items()
        if facts.grid and kind != "shift"
    ]
    if choices["shift"]:
        parts.append(f"{1 + len(choices['shift'])} shift (none included)")
    if len(seeds) > 1:
        parts.append(f"{len(seeds)} seeds (where they matter)")
    return " × ".join(parts)


def lay_out(choices: Mapping[str, Sequence[Choice]], seeds: Sequence[int]) -> Iterator[Cell]:
    """Yield the cells of a grid, table to choices: one per seed where one depends on it."""
    shifts: list[Choice | None] = [None, *choices["shift"]]
    grid = product(
        # Models, methods and seeds vary slowest, so that a classifier serves all its test sets.
        choices["model"],
        choices["finetune"],
        enumerate(seeds),
        choices["dataset"],
        shifts,
        choices["attribution"],
    )
    serving = {a.label for a in choices["attribution"] if any(map(a.serves, choices["finetune"]))}
    several = {"several": len(seeds) > 1, "several_attributions": len(serving) > 1}
    judges = (*choices["evidence"], *choices["metric"])
    for model, finetuner, (at, _), dataset, shift, attribution in grid:
        if not attribution.serves(finetuner):
            continue
        parts = (model, finetuner, dataset, shift, attribution, *judges)
        own = seeds_of([choice for choice in parts if choice is not None], seeds)
        if at >= len(own):  # it depends on none, and the others would give the same
            continue
        cell = Cell(dataset, model, finetuner, shift, attribution, own[at], **several)
        yield _settle(cell) if attribution.per_cell else cell


def _settle(cell: Cell) -> Cell:
    key = cell.key
    names = {
        "dataset": key.dataset,
        "model": key.model,
        "finetune": key.finetuner,
        "shift": key.shift.text if key.shift else "",
        "seed": "" if key.seed is None else str(key.seed),
    }
    params = cell.attribution.params.for_cell(names)
    return replace(cell, attribution=replace(cell.attribution, params=params))


def find_shared(cells: Sequence[Cell]) -> tuple[Cell, Cell] | None:
    """Return the first two cells with the same attribution where each must have its own."""
    first: dict[tuple[str, str], Cell] = {}
    for cell in cells:
        if cell.attribution.per_cell:
            key = cell.attribution.label, cell.attribution.params.model_dump_json()
            if first.setdefault(key, cell) is not cell:
                return first[key], cell
    return None
