"""A trial of a plan: every kind of step done on a few batches, in a folder that is thrown away."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rateval.api.protocols import Classifier, Dataset
from rateval.api.training import Finetuner
from rateval.engine.cell_steps import CellSteps
from rateval.engine.forecast.points import Point
from rateval.engine.forecast.trying.fit import BATCHES, FitTrial, try_fit
from rateval.engine.forecast.trying.memory import PeakMemory
from rateval.engine.forecast.trying.rounds import Round, Sizes, Whole
from rateval.engine.forecast.twins import Kind, Twin
from rateval.engine.worker import describe_error
from rateval.plan.cells import Cell
from rateval.plan.plan import Plan
from rateval.records.step import Step
from rateval.stages.finetune import restore
from rateval.workbench.bench import Workbench

TRAINS, PREDICTS = "train", "predict and explain"
"""What a model does, of which memory is measured."""


@dataclass(slots=True)
class Trial:
    """What was measured."""

    points: dict[Twin, list[Point]] = field(default_factory=dict)
    """Of each step that was tried, over fewer images and over more."""
    fits: dict[Twin, FitTrial] = field(default_factory=dict)
    loads: dict[str, float] = field(default_factory=dict)
    """Identity of a model to the seconds of loading it."""
    peaks: dict[tuple[str, str], int] = field(default_factory=dict)
    """Label of a model, and what it did, to bytes of memory at most."""
    failed: dict[Twin, str] = field(default_factory=dict)
    """Steps that could not be tried, and why."""


class TrialRun:
    """The trial of some cells, each of which stands for others.

    ``root`` is the run's own store, from which classifiers are restored that are there already.
    """

    def __init__(
        self,
        plan: Plan,
        bench: Workbench,
        cells: Mapping[Kind, Cell],
        root: Path,
        kept: Mapping[str, object],
        tell: Callable[[str], object],
    ) -> None:
        self._plan, self._bench, self._tell = plan, bench, tell
        self._cells = list(cells.values())
        self._root, self._kept = root, kept
        self._classifiers: dict[str, Classifier | str] = {}
        """The classifier in use by the identity of its step, or why there is none."""
        self.found = Trial()
        self._peak = PeakMemory(bench.context.device)

    def run(self) -> Trial:
        """Try every kind of step. What fails is kept with why; KeyboardInterrupt is raised."""
        with tempfile.TemporaryDirectory(prefix="rateval-plan-") as folder:
            rounds = self._lay_out(Path(folder))
            for place, cell in enumerate(self._cells):
                self._tell(f"tries {cell.label} ({place + 1} of {len(self._cells)})")
                self._try_cell(cell, rounds, Path(folder))
            self._try_pairs(rounds)
        return self.found

    def _lay_out(self, folder: Path) -> list[Round]:
        """Return the rounds: one to warm up, one over few images, one over more."""
        whole: dict[tuple[str, int | None], Whole] = {}
        for cell in self._cells:
            dataset: Whole = self._bench.object(cell.dataset, cell.seed)
            whole.setdefault((cell.dataset.identity, cell.seed), dataset)
        size = self._plan.spec.run.batch_size
        small = Sizes(size, max(1, size // 4), halved=True)
        sizes = (small, small, Sizes(BATCHES * size, max(1, size // 2)))
        return [
            Round(self._plan, self._bench, self._cells, whole, folder / str(at), one)
            for at, one in enumerate(sizes)
        ]

    def _try_cell(self, cell: Cell, rounds: Sequence[Round], folder: Path) -> None:
        kind = next(kind for kind, one in rounds[0].of_kind.items() if one.cell is cell)
        steps = rounds[0].of_kind[kind]
        classifier = self._find_classifier(steps, rounds[0], folder)
        self._peak.begin()
        for at, each in enumerate(rounds):
            each.enter()
            for step in each.of_kind[kind]:
                if step.stage == "finetune":
                    continue
                if isinstance(classifier, str):
                    self.found.failed.setdefault(each.names[step.identity], classifier)
                    continue
                self._bench.keep_classifier(steps.finetune.identity, classifier)
                self._try_step(step, cell, each, at)
        if not isinstance(classifier, str):
            self._note_peak(cell, PREDICTS)

    def _try_step(self, step: Step, cell: Cell, each: Round, at: int) -> None:
        name = each.names[step.identity]
        # The first of all to explain is what warms up; faithfulness takes too long for that.
        if (
            name in self.found.failed
            or each.done(step)
            or (not at and step.stage == "faithfulness")
        ):
            return
        try:
            point = each.do(step, cell)
        except (Exception, SystemExit) as error:
            self.found.failed[name] = describe_error(error)
            return
        if at:
            self.found.points.setdefault(name, []).append(point)

    def _find_classifier(self, steps: CellSteps, each: Round, folder: Path) -> Classifier | str:
        """Return a cell's classifier, made by a trial or restored; or why there is none."""
        identity = steps.finetune.identity
        if identity in self._classifiers:
            return self._classifiers[identity]
        self._classifiers.clear()  # the one before goes, before there is another one
        try:
            found: Classifier | str = self._make_classifier(steps, each, folder)
        except (Exception, SystemExit) as error:
            found = describe_error(error)
            self.found.failed[each.names[identity]] = found
        self._classifiers[identity] = found
        return found

    def _make_classifier(self, steps: CellSteps, each: Round, folder: Path) -> Classifier:
        cell, step = steps.cell, steps.finetune
        self._load(cell)
        if step.identity in self._kept:
            finetuner: Finetuner = self._bench.object(cell.finetuner, cell.seed)
            dataset: Dataset = self._bench.object(cell.dataset, cell.seed)
            kept = self._root / step.stage / step.identity
            with self._bench.lending(cell.model, cell.seed, finetuner) as model:
                return restore(finetuner, model, dataset.classes, kept)
        self._peak.begin()
        fitted = folder / step.identity
        fitted.mkdir()
        trial = try_fit(self._plan, self._bench, cell, fitted)
        self._note_peak(cell, TRAINS)
        self.found.fits[each.names[step.identity]] = trial
        return trial.classifier

    def _load(self, cell: Cell) -> None:
        if not self._bench.has(cell.model, cell.seed):
            begin = time.perf_counter()
            self._bench.object(cell.model, cell.seed)
            self.found.loads[cell.model.identity] = time.perf_counter() - begin

    def _note_peak(self, cell: Cell, what: str) -> None:
        name = cell.model.label, what
        self.found.peaks[name] = max(self.found.peaks.get(name, 0), self._peak.read())

    def _try_pairs(self, rounds: Sequence[Round]) -> None:
        for at, each in enumerate(rounds):
            each.enter()
            for step, needed, cell in _list_pairs(each):
                if all(map(each.done, needed)):
                    self._try_step(step, cell, each, at)


def _list_pairs(each: Round) -> Iterator[tuple[Step, list[Step], Cell]]:
    """Yield the steps that compare two cells, what they need, and the first of the cells."""
    for group in each.graph.agreements:
        for pair in group:
            needed = [each.graph.steps[identity] for identity in pair.agree.needs]
            yield pair.agree, needed, pair.first.cell
