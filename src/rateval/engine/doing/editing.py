"""Classifiers asked about edited images, with what several methods need alike at hand."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from rateval.api.training import Monitor
from rateval.data.batches import Batch, regroup
from rateval.engine.cell_steps import CellSteps
from rateval.engine.handing_out.shards import WritePart
from rateval.modelkit.filling import View
from rateval.records.facts import CounterfactualFacts
from rateval.records.step import Step
from rateval.stages.counterfactual import counterfactual
from rateval.store.identity import identify
from rateval.workbench.bench import Workbench
from rateval.workbench.cell import Job
from rateval.workbench.donors import NO_DONORS, Donors, read_donors
from rateval.workbench.edits import Edits, Prepared, prepare_ahead
from rateval.workbench.kept import Kept

DONOR_BYTES, BATCH_BYTES = 1 << 30, 1 << 28
"""Bytes of donors, and of small test splits, that are kept for other methods."""

CPU_BATCH = 32
"""Images that a CPU is asked about at once at most: the tiny CLIP's activations stay in its cache,
where those of 64 took 1.1 times as long."""


class Editing:
    """Donors and edited images, made once for all methods of a study where memory allows."""

    def __init__(self) -> None:
        self._donors: Kept[Donors] = Kept(DONOR_BYTES)
        self._batches: Kept[Prepared] = Kept(BATCH_BYTES)

    @staticmethod
    def edits_of(step: Step) -> Edits:
        """Return the edits that a step asks about."""
        return Edits(**{"donors": 0} | step.inputs["edits"])

    def open(
        self,
        steps: CellSteps,
        job: Job,
        bench: Workbench,
        monitor: Monitor,
        predicted: Mapping[str, tuple[int, str]],
        read: Callable[[range], Iterable[Batch]],
    ) -> WritePart:
        """Return what does a part of a cell's step.

        ``predicted`` are the answers to whole images that are known already, by their ids;
        ``read`` yields the batches of a part of the test split, as they were read for other steps
        where those are at hand.
        """
        step = steps.counterfactual
        assert step is not None
        if job.device == "cpu":
            job = replace(job, batch_size=min(job.batch_size, CPU_BATCH))
        card = job.classifier.model.card
        view = View(card.mean, card.std)
        edits = self.edits_of(step)
        donors = self._find_donors(steps, job, bench, view) if edits.donors else NO_DONORS
        inputs = {name: value for name, value in step.inputs.items() if name != "classifier"}
        inputs |= {"model": bench.inputs(steps.cell.model, steps.cell.seed)}
        group = steps.cell.model.identity

        def write(part: range, folder: Path) -> CounterfactualFacts:
            name = identify(inputs | {"part": [part.start, part.stop], "at once": job.batch_size})
            # What is asked about at once has to be the same, wherever it was read.
            batches = regroup(read(part), part, job.batch_size)
            prepared = self._batches.each(
                name, prepare_ahead(job, edits, donors, view, part, batches), group
            )
            return counterfactual(job, edits, donors, prepared, monitor, folder, predicted)

        return write

    def _find_donors(self, steps: CellSteps, job: Job, bench: Workbench, view: View) -> Donors:
        """Return the donors of a whole, unshifted test split in a model's view."""
        cell, model = steps.cell, job.classifier.model
        test = bench.object(cell.dataset, cell.seed).test

        def read() -> Iterator[Donors]:
            yield read_donors(test, model, view, batch_size=job.batch_size, readers=job.readers)

        name = {"test": test.identity, "model": bench.inputs(cell.model, cell.seed)}
        (donors,) = self._donors.each(identify(name), read(), cell.model.identity)
        return donors
