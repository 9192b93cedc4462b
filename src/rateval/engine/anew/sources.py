"""What a run has stored of its cells, as steps that are done and their results."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rateval.engine.anew.cells import find_stored
from rateval.errors import RatevalError
from rateval.plan.cells import Cell
from rateval.records.base import Record
from rateval.records.facts import CounterfactualFacts, FaithfulnessFacts, FinetuneFacts
from rateval.records.run import RunRecord
from rateval.records.scores.cell import CellRecord
from rateval.records.step import Stage, Step
from rateval.store.identity import identify
from rateval.store.manifest import require_whole
from rateval.store.remote.fetching import bring
from rateval.store.store import Stored


class StoredSources:
    """The steps that cells begin with, each of which a run has done or failed at.

    Maps and rows are looked at bit by bit, and so are answers to edits where they are ``asked``
    for. Of trainings and explainers tried the record itself says what is needed.
    """

    def __init__(self, record: RunRecord, *, edits: bool) -> None:
        self._record, self._edits = record, edits
        self._root = record.path.parent / "store"
        self._seconds = {stage.identity: stage.seconds for stage in record.stages}
        self._missing: list[str] = []
        self.stored: dict[str, Stored] = {}
        """What there is, by identity."""
        self.taken: set[str] = set()
        """Identities of all steps, those without a result among them."""

    def require_all(self) -> None:
        """Raise RatevalError where something is gone or damaged, with what and what to do."""
        if self._missing:
            raise RatevalError(
                f"{self._record.place}: lacks in its store what it is to be scored by:\n"
                + "\n".join(f"  {line}" for line in dict.fromkeys(self._missing))
                + "\nput it back where it was, or make it again (what is still there is reused) "
                f"with: {self._record.command}"
            )

    def finetune(self, cell: Cell) -> Step:
        """Return the training of a cell's classifier, whose weights nobody needs."""
        found = self._find(cell)
        curve = next(
            (one for one in self._record.trainings if one.classifier == found.classifier), None
        )
        facts = FinetuneFacts(
            trained=found.trained,
            skipped=found.skipped_in_training,
            curve=() if curve is None else curve.epochs,
            told={} if curve is None else curve.told,
            assumed=found.assumed,
        )
        label = f"{cell.model.label} · {cell.finetuner.label}"
        return self._done("finetune", label, found.classifier, facts)

    def infer(self, cell: Cell, finetune: Step) -> Step:
        """Return the predictions and maps of a cell."""
        return self._read("infer", cell.label, self._find(cell).identity)

    def counterfactual(self, cell: Cell, finetune: Step) -> Step | None:
        """Return the answers to edits of a cell; None where the run asked for none."""
        if "counterfactual" not in self._record.spec_resolved:
            return None
        found = self._find(cell)
        label = cell.key.text(attribution=False, seed=cell.several)
        if found.counterfactual is None:
            return self._failed("counterfactual", label, found)
        if self._edits:
            return self._read("counterfactual", label, found.counterfactual.identity)
        facts = CounterfactualFacts(**_without_identity(found.counterfactual))
        return self._done("counterfactual", label, found.counterfactual.identity, facts)

    def faithfulness(self, cell: Cell, finetune: Step, infer: Step) -> Step | None:
        """Return what came of trying a cell's explainer; None where the run asked for nothing."""
        if "faithfulness" not in self._record.spec_resolved:
            return None
        found = self._find(cell)
        if found.faithfulness is None:
            return self._failed("faithfulness", cell.label, found)
        facts = FaithfulnessFacts(**_without_identity(found.faithfulness))
        return self._done("faithfulness", cell.label, found.faithfulness.identity, facts)

    def _find(self, cell: Cell) -> CellRecord:
        found = find_stored(self._record, cell)
        assert found is not None  # cells without predictions are not laid out
        return found

    def _failed(self, stage: Stage, label: str, found: CellRecord) -> Step:
        return self._step(stage, label, identify({"none of": stage, "for": found.identity}))

    def _done(self, stage: Stage, label: str, identity: str, facts: Record) -> Step:
        told = facts.model_dump(mode="json")
        self.stored.setdefault(identity, self._result(stage, identity, told))
        return self._step(stage, label, identity)

    def _read(self, stage: Stage, label: str, identity: str) -> Step:
        if identity not in self.taken:
            folder = self._root / stage / identity
            try:
                facts = _require(folder)["facts"]
            except RatevalError as error:
                self._missing.append(f"{label}: {error}")
            else:
                self.stored[identity] = self._result(stage, identity, facts)
        return self._step(stage, label, identity)

    def _result(self, stage: Stage, identity: str, facts: Any) -> Stored:
        seconds = self._seconds.get(identity, 0.0)
        return Stored(stage, identity, self._root / stage / identity, facts, True, seconds)

    def _step(self, stage: Stage, label: str, identity: str) -> Step:
        self.taken.add(identity)
        return Step(stage, label, identity, {})


def _require(folder: Path) -> dict[str, Any]:
    bring(folder)
    if not folder.is_dir():
        raise RatevalError(f"{folder} is gone")
    return require_whole(folder)


def _without_identity(record: Record) -> dict[str, Any]:
    return {name: value for name, value in dict(record).items() if name != "identity"}
