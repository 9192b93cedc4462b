"""A fine-tuning broken off after its first epoch on a few batches, and what all would take."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from rateval.api.protocols import Classifier, Dataset, Split
from rateval.api.training import Finetuner
from rateval.api.values import Epoch
from rateval.data.splits import limit_split
from rateval.engine.forecast.trying.clock import Clock, seconds_per_unit
from rateval.errors import RatevalError
from rateval.plan.cells import Cell
from rateval.plan.plan import Plan
from rateval.stages.finetune import STATE, finetune, restore, save_state
from rateval.training.fitting import Fitting
from rateval.training.logbook import Examine, FolderLogbook
from rateval.workbench.bench import Workbench

BATCHES = 4
"""Batches of a trial."""
PATIENCE_S = 300.0
"""Seconds after which a trial of a training is given up."""


class _EnoughError(Exception):
    """Breaks a training off: what was to be learnt of it is known."""


@dataclass(frozen=True, slots=True)
class FitTrial:
    """What a trial of a fine-tuning tells of it."""

    classifier: Classifier
    """What came out, fitted or not, as it is restored from its state."""
    seconds: float
    """Of the whole training."""
    bytes: int
    """Of the state that is stored."""
    unfinished: int = 0
    """Bytes of what is kept on disk while it trains."""


def try_fit(plan: Plan, bench: Workbench, cell: Cell, folder: Path) -> FitTrial:
    """Train a copy of a cell's model on a few batches by its real settings, up to the first epoch.

    What is written goes into ``folder``. Raises RatevalError where that takes too long, and what
    the method raises.
    """
    fitting = Fitting(plan, bench, cell)
    finetuner: Finetuner = bench.object(cell.finetuner, cell.seed)
    dataset: Dataset = bench.object(cell.dataset, cell.seed)
    train, held = fitting.parts
    size = getattr(cell.finetuner.params, "batch_size", plan.spec.run.batch_size)
    few = None if train is None else limit_split(train, BATCHES * size, "share")
    examiner, share = _make_examiner(fitting, held, plan.spec.run.batch_size)
    names = () if examiner is None else examiner.names
    logbook = _TrialLogbook(folder, examiner, names, held)
    begin = time.perf_counter()
    try:
        with bench.lending(cell.model, cell.seed, finetuner) as model:
            classifier = finetune(finetuner, model, few, dataset.classes, logbook)
    except _EnoughError:
        if logbook.classifier is None:
            raise RatevalError(
                f"its first epoch of {len(few or ())} images took longer than {PATIENCE_S:.0f} s"
            ) from None
        classifier = logbook.classifier
    taken = time.perf_counter() - begin
    save_state(classifier, folder, {})
    written = time.perf_counter() - begin - taken
    # As every other step gets it; what was broken off may still hold gradients.
    with bench.lending(cell.model, cell.seed, finetuner) as model:
        restored = restore(finetuner, model, dataset.classes, folder)
    if few is None or train is None:
        seconds = taken + written
    else:
        seconds = written + logbook.times.of(len(train), len(few), taken, share)
    state = (folder / STATE).stat().st_size
    return FitTrial(restored, seconds, state, logbook.times.unfinished)


def _make_examiner(fitting: Fitting, held: Split | None, batch_size: int) -> tuple[Any, float]:
    """Return what scores a few of the samples held out, and how many times as many there are."""
    if held is None:
        return None, 0.0
    few = limit_split(held, 2 * batch_size, "share")
    return fitting.make_examiner(few), len(held) / len(few)


@dataclass(slots=True)
class Times:
    """The seconds of a training that was broken off."""

    clock: Clock
    examining: list[float] = field(default_factory=list)
    saving: float = 0.0
    unfinished: int = 0
    broken_off: bool = False

    def of(self, whole: int, few: int, taken: float, share: float) -> float:
        """Return the seconds of all epochs over a ``whole`` split, from those over a ``few``.

        A pass over the samples that wasn't seen takes as long as the last one that was. ``share``
        is how many times as many samples are held out as were scored.
        """
        passes = self._passes(few)
        if not passes:
            return taken * whole / few
        announced = max(1, round(self.clock.total / few))
        left = max(0, announced - len(passes)) if self.broken_off else 0
        each = [seconds_per_unit(batches) * whole for batches in passes]
        examined = self.examining[-1] * share if self.examining else 0.0
        after = (left + 1) * (examined + self.saving) if self.broken_off else examined
        told = sum(seconds_per_unit(batches) * few for batches in passes)
        besides = max(0.0, taken - told - sum(self.examining) - self.saving)
        return besides + sum(each) + left * each[-1] + after

    def _passes(self, few: int) -> list[list[tuple[int, float]]]:
        """Return the batches of each pass over the samples."""
        found: list[list[tuple[int, float]]] = []
        done = 0
        for units, seconds in self.clock.batches:
            if done // few == len(found):
                found.append([])
            found[-1].append((units, seconds))
            done += units
        return found


class _TrialLogbook:
    """A ``rateval.api.Logbook`` that breaks a training off once its first epoch is kept."""

    def __init__(
        self,
        folder: Path,
        examine: Examine | None,
        examined: tuple[str, ...],
        held_out: Split | None,
    ) -> None:
        self.examined = examined
        self.held_out = held_out
        self._examine = examine
        self._folder = folder
        self._kept = FolderLogbook(Clock(), folder)
        self._began = time.perf_counter()
        self.times = Times(Clock())
        self.classifier: Classifier | None = None

    def begin(self, total: int) -> None:
        """Take note of what is to be done."""
        self.times.clock.begin(total)

    def advance(self, samples: int, note: str = "") -> None:
        """Take note of what was done. Raises what breaks off where that takes too long."""
        self.times.clock.advance(samples, note)
        if time.perf_counter() - self._began > PATIENCE_S:
            self.times.broken_off = True
            raise _EnoughError

    def examine(self, classifier: Classifier) -> Mapping[str, float | None]:
        """Keep the classifier, and score it on some of what is held out."""
        self.classifier = classifier
        scores: Mapping[str, float | None] = {}
        # The first time says what it takes to begin, the second what each epoch takes.
        for _ in range(2 if self._examine is not None else 0):
            begin = time.perf_counter()
            assert self._examine is not None
            scores = self._examine(classifier)
            self.times.examining.append(time.perf_counter() - begin)
        return scores

    def record(self, epoch: Epoch) -> None:
        """Add an epoch to the curve that is kept."""
        self._kept.record(epoch)

    def tell(self, name: str, value: Any) -> None:
        """Keep nothing: it belongs to a whole training."""

    def save(self, tensors: Mapping[str, torch.Tensor], facts: Mapping[str, Any]) -> None:
        """Write what the next epoch would start from, and break off."""
        before = _list_sizes(self._folder)
        begin = time.perf_counter()
        self._kept.save_now(tensors, facts)
        self.times.saving = time.perf_counter() - begin
        self.times.unfinished = sum(_list_sizes(self._folder)) - sum(before)
        self.times.broken_off = True
        raise _EnoughError

    def resume(self) -> None:
        """Return nothing: a trial goes on from none."""


def _list_sizes(folder: Path) -> Sequence[int]:
    return [path.stat().st_size for path in folder.iterdir() if path.is_file()]
