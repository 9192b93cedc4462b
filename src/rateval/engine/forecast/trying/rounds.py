"""One round of a trial: the steps of some cells over a few test images, in a store of its own."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from rateval.api.protocols import Model, Split
from rateval.data.checked import CheckedDataset
from rateval.data.splits import limit_split
from rateval.engine.cell_steps import CellSteps
from rateval.engine.doing.editing import BATCH_BYTES
from rateval.engine.doing.steps import Hands, Write, fill, find_writes
from rateval.engine.forecast.points import Point
from rateval.engine.forecast.trying.clock import Clock
from rateval.engine.forecast.twins import Kind, kind_of, name_steps
from rateval.engine.graph import lay_out_steps
from rateval.engine.handing_out.shards import Divisible
from rateval.engine.sources import LiveSources
from rateval.plan.cells import Cell, Choice
from rateval.plan.plan import Plan
from rateval.records.step import Step
from rateval.store.store import Store
from rateval.workbench.bench import Workbench

_Asked = tuple[Choice, int | None]


class FewTested(NamedTuple):
    """A dataset of whose test split a few samples are left."""

    classes: tuple[str, ...]
    wordings: tuple[tuple[str, ...], ...]
    has_masks: bool
    train: Split | None
    test: Split


class Sizes(NamedTuple):
    """The images of a round, at most."""

    tested: int
    followed: int
    """Those by which an explainer's faithfulness is tried, which takes many passes for each."""
    halved: bool = False
    """Whether it is the smaller of two rounds, and so has less than all of a small test split."""

    def of(self, whole: int) -> int:
        """Return how many of a whole test split are in the round.

        >>> Sizes(64, 16).of(50), Sizes(64, 16, halved=True).of(50), Sizes(64, 16).of(100)
        (50, 25, 64)
        """
        halved = self.halved and whole <= self.tested
        return max(1, whole // 2) if halved else min(whole, self.tested)


class Round:
    """The steps of some cells, each over a few images."""

    def __init__(
        self,
        plan: Plan,
        bench: Workbench,
        cells: Sequence[Cell],
        whole: Mapping[tuple[str, int | None], CheckedDataset],
        root: Path,
        sizes: Sizes,
    ) -> None:
        """Lay out the steps. ``whole`` are the datasets as they are, by choice and seed."""
        spec = plan.spec
        if spec.faithfulness is not None:
            images = min(spec.faithfulness.images, sizes.followed)
            few = spec.faithfulness.model_copy(update={"images": images})
            spec = spec.model_copy(update={"faithfulness": few})
        self._plan, self._bench, self._whole = replace(plan, spec=spec), bench, whole
        self._store = Store(root)
        self._few: dict[tuple[str, int | None], tuple[_Asked, FewTested]] = {}
        for cell in cells:
            key = cell.dataset.identity, cell.seed
            if key not in self._few:
                few_tested = _cut(whole[key], sizes, plan)
                self._few[key] = (cell.dataset, cell.seed), few_tested
        self.enter()
        sources = LiveSources(self._plan, bench)
        self.graph = lay_out_steps(self._plan, bench, sources, cells)
        self.names = name_steps(self.graph)
        self.of_kind: dict[Kind, CellSteps] = {kind_of(one.cell): one for one in self.graph.cells}
        self._writes = self._find_writes()

    def enter(self) -> None:
        """Let datasets have a few test images from now on."""
        for (choice, seed), few in self._few.values():
            self._bench.stand_in(choice, seed, few)

    def done(self, step: Step) -> bool:
        """Return whether a step has its result."""
        return self._store.find(step.stage, step.identity) is not None

    def do(self, step: Step, cell: Cell) -> Point:
        """Do a step of a cell, and return what it took. Raises what it raises."""
        clock = Clock()
        write = (self._writes if self._is_small(cell) else self._find_writes())[step.identity]

        def fill_whole(folder: Path) -> Mapping[str, Any]:
            return fill(write, self._store, folder, clock)[0]

        begin = time.perf_counter()
        stored = self._store.make(step.stage, step.inputs, fill_whole)
        seconds = time.perf_counter() - begin
        size = sum(path.stat().st_size for path in stored.path.rglob("*") if path.is_file())
        size -= (stored.path / "manifest.json").stat().st_size
        return Point(self.units(step, cell), seconds, size, clock.per_unit)

    def units(self, step: Step, cell: Cell) -> int:
        """Return the images that a step goes over."""
        count = len(self._few[cell.dataset.identity, cell.seed][1].test)
        options = self._plan.spec.faithfulness
        if step.stage == "faithfulness" and options is not None:
            return min(count, options.images)
        return count

    def _find_writes(self) -> Mapping[str, Write | Divisible]:
        return find_writes(Hands(self._plan, self._bench, self._store), self.graph)

    def _is_small(self, cell: Cell) -> bool:
        """Return whether a run would keep the images of a cell's test for its other steps."""
        model: Model = self._bench.object(cell.model, cell.seed)
        height, width = model.card.image_size
        count = len(self._whole[cell.dataset.identity, cell.seed].test)
        limit = self._plan.spec.run.limit
        count = count if limit is None else min(limit, count)
        return count * height * width * 13 <= BATCH_BYTES  # three float32 and a bool a pixel


def _cut(dataset: CheckedDataset, sizes: Sizes, plan: Plan) -> FewTested:
    options = plan.spec.run
    test = limit_split(dataset.test, options.limit, options.limit_by)
    few = limit_split(test, sizes.of(len(test)), options.limit_by)
    return FewTested(dataset.classes, dataset.wordings, dataset.has_masks, dataset.train, few)
