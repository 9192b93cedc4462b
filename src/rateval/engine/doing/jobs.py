"""The live objects of the step in work: its classifier, explainers and data, made once."""

from __future__ import annotations

from collections.abc import Sequence

from rateval.api.protocols import Attribution, Classifier, Dataset
from rateval.api.training import Finetuner
from rateval.engine.cell_steps import CellSteps
from rateval.engine.sources import limited_test
from rateval.plan.plan import Plan
from rateval.records.step import Step
from rateval.stages.finetune import restore
from rateval.store.store import Store
from rateval.workbench.bench import Workbench
from rateval.workbench.cell import Job, Shared


class Jobs:
    """The jobs of a plan's steps, one at a time: shards of a step go on with the same."""

    def __init__(self, plan: Plan, bench: Workbench, store: Store) -> None:
        self._plan, self._bench, self._store = plan, bench, store
        self._job: tuple[tuple[str, ...], Job] | None = None
        """The job of the step that was done last."""

    def forget(self) -> None:
        """Let go of the live objects of the step that was done last."""
        self._job = None

    def find(
        self, several: Sequence[CellSteps], step: Step, sharing: Sequence[CellSteps] | None
    ) -> Job:
        """Return the job of a step, made unless it is that of the step before.

        It is done for ``several`` cells, of those that are ``sharing`` a pass in the plan; None
        where nothing is explained.
        """
        name = step.identity, *(steps.infer.identity for steps in several)
        if self._job is None or self._job[0] != name:
            self._job = None  # before another classifier is made
            self._job = name, self._make(several, sharing)
        return self._job[1]

    def _make(self, several: Sequence[CellSteps], sharing: Sequence[CellSteps] | None) -> Job:
        cell, bench = several[0].cell, self._bench
        dataset: Dataset = bench.object(cell.dataset, cell.seed)
        return Job(
            self._classifier(several[0]),
            None if sharing is None else bench.object(cell.attribution, cell.seed),
            limited_test(self._plan, bench, cell),
            bench.shift(cell.shift, dataset.test, cell.seed),
            bench.task(cell.dataset, cell.seed),
            bench.context.device,
            self._plan.spec.run.batch_size,
            bench.context.readers,
            shared=self._find_shared(several, sharing or ()),
        )

    def _find_shared(
        self, several: Sequence[CellSteps], sharing: Sequence[CellSteps]
    ) -> Shared | None:
        if len(sharing) < 2:
            return None
        wanted, planned = {steps.infer.identity for steps in several}, dict[str, Attribution]()
        for steps in sharing:
            cell, identity = steps.cell, steps.infer.identity
            try:
                planned[identity] = self._bench.object(cell.attribution, cell.seed)
            except (Exception, SystemExit):
                if identity in wanted:
                    raise
        places = {identity: at for at, identity in enumerate(planned)}
        return Shared(
            tuple(planned.values()), tuple(places[steps.infer.identity] for steps in several)
        )

    def _classifier(self, steps: CellSteps) -> Classifier:
        cell, identity = steps.cell, steps.finetune.identity
        classifier = self._bench.classifier(identity)
        if classifier is None:
            finetuner: Finetuner = self._bench.object(cell.finetuner, cell.seed)
            classes = self._bench.object(cell.dataset, cell.seed).classes
            with self._bench.lending(cell.model, cell.seed, finetuner) as model:
                stored = self._store.path_of("finetune", identity)
                classifier = restore(finetuner, model, classes, stored)
            self._bench.keep_classifier(identity, classifier)
        return classifier
