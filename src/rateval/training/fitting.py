"""The fine-tuning of a cell: its inputs, its held-out samples, and what it leaves."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from rateval.api.protocols import Classifier, Dataset, Split
from rateval.api.training import Finetuner, Monitor
from rateval.data.splits import WatchedSplit, hold_out, limit_split
from rateval.errors import RatevalError, naming
from rateval.plan.cells import Cell, Choice
from rateval.plan.plan import Plan
from rateval.plan.seeds import some_seed
from rateval.records.about.trainings import EpochRecord
from rateval.records.facts import FinetuneFacts
from rateval.records.scores.cell import SkippedRecord
from rateval.stages.finetune import finetune
from rateval.training.examiner import Examiner
from rateval.training.logbook import FolderLogbook
from rateval.workbench.bench import Workbench
from rateval.workbench.build import name_plugin
from rateval.workbench.cell import Job
from rateval.workbench.verdicts.needing import needs_masks


class Fitting:
    """One cell's training samples, and how to fit on them.

    Raises RatevalError when more is to be held out than the training split allows.
    """

    def __init__(self, plan: Plan, bench: Workbench, cell: Cell) -> None:
        self._plan, self._bench, self._cell = plan, bench, cell
        self._dataset: Dataset = bench.object(cell.dataset, cell.seed)
        self._finetuner: Finetuner = bench.object(cell.finetuner, cell.seed)
        self._train: Split | None = None
        self._held: Split | None = None
        if self._finetuner.trains and self._dataset.train is not None:
            options = plan.spec.run
            self._train = limit_split(self._dataset.train, options.limit, options.limit_by)
            if plan.spec.held_out is not None and len(self._train):
                self._train, self._held = hold_out(self._train, plan.spec.held_out.images)
        involved = [cell.model, cell.finetuner, *([cell.dataset] if self._train else [])]
        self.label = f"{cell.model.label} · {cell.finetuner.label}{cell.seed_note(*involved)}"

    @property
    def trains(self) -> bool:
        """Whether the method trains."""
        return self._finetuner.trains

    @property
    def parts(self) -> tuple[Split | None, Split | None]:
        """What is left to train on, and what is held out; None where there is none."""
        return self._train, self._held

    @property
    def inputs(self) -> dict[str, Any]:
        """Everything that determines the classifier."""
        cell = self._cell
        inputs: dict[str, Any] = {
            "model": self._inputs(cell.model),
            "finetuner": self._inputs(cell.finetuner),
            "classes": list(self._dataset.classes),
            "train": None if self._train is None else self._train.identity,
        }
        if self._held is not None:
            inputs["held out"] = {
                "split": self._held.identity,
                "explained by": [self._inputs(choice) for choice in self._evidence_choices],
                "metrics": [{"label": m.label} | self._inputs(m) for m in self._metrics],
            }
            if self._evidence_choices:
                inputs["held out"]["without a mask"] = "unknown"
        return inputs

    def fit(self, monitor: Monitor, unfinished: Path) -> tuple[Classifier, FinetuneFacts]:
        """Fit the model, as a copy; return the classifier and its facts.

        ``unfinished`` keeps the state of a training that is interrupted.
        """
        cell = self._cell
        watched = None if self._train is None else WatchedSplit(self._train)
        examiner = None if self._held is None else self.make_examiner(self._held)
        logbook = FolderLogbook(
            monitor,
            unfinished,
            examiner,
            () if examiner is None else examiner.names,
            self._held,
        )
        method = self._finetuner
        with self._bench.lending(cell.model, cell.seed, method) as model, logbook:
            classifier = finetune(method, model, watched, self._dataset.classes, logbook)
        skipped = () if watched is None else watched.skipped
        return classifier, FinetuneFacts(
            # A method that only loads weights trains nothing, and yet it is not zero-shot.
            trained=self._finetuner.trains or bool(classifier.state()),
            skipped=tuple(SkippedRecord(**asdict(sample)) for sample in skipped),
            curve=tuple(EpochRecord(**asdict(epoch)) for epoch in logbook.epochs),
            told=logbook.told,
            assumed=classifier.model.card.assumed,
        )

    @property
    def _evidence_choices(self) -> list[Choice]:
        # The first of each: one curve, whatever else the study explains and judges with.
        if not self._asks_for_evidence or not self._dataset.has_masks:
            return []
        judging = self._plan.map_validators  # a classifier in training answers to no edits
        return [self._attribution, self._plan.validators[judging[0]]] if judging else []

    @property
    def _metrics(self) -> list[Choice]:
        if not self._asks_for_evidence:
            return []
        judged = bool(self._plan.map_validators)
        return [
            metric
            for metric in self._plan.metrics
            if not metric.by_edits
            and ((self._dataset.has_masks and judged) or not self._needs_masks(metric))
        ]

    def _needs_masks(self, metric: Choice) -> bool:
        with naming(f"the {name_plugin(metric)}: compute()", "metric"):
            return needs_masks(self._object(metric))

    @property
    def examining(self) -> list[Choice]:
        """What explains, judges and counts the samples held out."""
        return [] if self._held is None else [*self._evidence_choices, *self._metrics]

    @property
    def _asks_for_evidence(self) -> bool:
        return self._plan.spec.held_out is not None and self._plan.spec.held_out.evidence

    @property
    def _attribution(self) -> Choice:
        # Maps that were made for a test set know nothing of the samples held out.
        able = [
            choice
            for choice in self._plan.choices["attribution"]
            if not choice.per_cell and choice.serves(self._cell.finetuner)
        ]
        if not able:
            raise RatevalError(
                "held_out.evidence = true: none of the study's attributions can explain samples "
                "held out of training; set evidence = false, or add one that explains any image"
            )
        return able[0]

    def make_examiner(self, held: Split) -> Examiner:
        """Return what scores a classifier on samples held out, or on some of them."""
        evidence: list[Any] = [self._object(choice) for choice in self._evidence_choices]
        attribution, validator = evidence or [None, None]

        def make_job(classifier: Classifier) -> Job:
            return Job(
                classifier,
                attribution,
                held,
                None,
                self._bench.task(self._cell.dataset, self._cell.seed),
                self._bench.context.device,
                self._plan.spec.run.batch_size,
                self._bench.context.readers,
            )

        return Examiner(make_job, validator, {m.label: self._object(m) for m in self._metrics})

    def _object(self, choice: Choice) -> Any:
        return self._bench.object(choice, self._seed)

    def _inputs(self, choice: Choice) -> dict[str, Any]:
        return self._bench.inputs(choice, self._seed)

    @property
    def _seed(self) -> int:
        # The study's first attribution may depend on a seed where nothing of this cell does.
        return some_seed(self._cell.seed, self._plan.seeds)
