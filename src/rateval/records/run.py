"""A whole run in ``run.json``: everything a report needs, and where the rows lie."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field, PrivateAttr, ValidationError

from rateval.errors import RatevalError
from rateval.json_file import format_json, join_lists, write_whole
from rateval.records.dataset import DatasetRecord
from rateval.records.environment import EnvironmentRecord
from rateval.records.format import FORMAT, READABLE_TEXT, require_format
from rateval.records.key import Key
from rateval.records.pictures import PICTURES, PicturesRecord
from rateval.records.presenting import Presented
from rateval.records.results import (
    explain_none,
    find_result,
    pick_evidence,
    read_scores,
    read_thresholds,
)
from rateval.records.scores.cell import CellRecord, ResultRecord
from rateval.records.scores.chance import CrossingsRecord
from rateval.records.scores.comparisons import ComparisonRecord
from rateval.records.scores.counterfactual import CounterfactualRecord
from rateval.records.scores.explainers import (
    AgreementRecord,
    FaithfulnessRecord,
    RankingChangeRecord,
)
from rateval.records.scores.seeds import SeedsRecord
from rateval.records.step import FailureRecord, StageRecord
from rateval.records.trainings import CurveRecord
from rateval.wording import write_command

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

FILE_NAME = "run.json"
STEPS_NAME = "steps.jsonl"
"""File beside it with a line for each step that ended."""
LOG_NAME = "run.log"
"""File beside it with the tracebacks of steps that failed."""


class RunRecord(Presented):
    """Everything that is known of one run; in a notebook it shows its tables."""

    format: Literal[4, 5] = 5
    study: str
    protocol: Literal["matched", "aaai25"] = "matched"
    """As the study's ``protocol``."""
    differences: tuple[str, ...] = ()
    """Sentences on what the protocol changed; none for ``matched``."""
    status: Literal["running", "finished", "interrupted", "failed"]
    """``running`` also says a run that died before it could say anything else."""
    error: str | None
    """Message of what ended the run; a failed step ends nothing and is among the failures."""
    started: str
    """UTC, ISO 8601."""
    seconds: float
    written: str | None = None
    """UTC, ISO 8601, of the last time that this was written while the run went on."""
    spec_name: str
    """The spec's file, as it was given, or the function that was called without a spec."""
    spec_given: str
    """The spec's text, as it was given."""
    overrides: dict[str, Any] = Field(default_factory=dict)
    """Keys of ``[run]``, and ``report.pictures``, that something else than the spec set."""
    only: tuple[str, ...] = ()
    """Labels and patterns of the cells that were to be computed; empty for all."""
    spec_resolved: dict[str, Any]
    """The spec with every default and override filled in, and each component's distribution."""
    seeds: tuple[int, ...]
    """Of everything that depends on one: repeated for each."""
    limit: int | None
    """Samples used of every split at most; null for all."""
    limit_by: Literal["share", "class"] | None = None
    """How they were drawn: in proportion to the classes, or equally many of each, so that scores
    are over a balanced sample and not over the data; null without a limit."""
    environment: EnvironmentRecord
    datasets: tuple[DatasetRecord, ...]
    planned: tuple[Key, ...] = ()
    """Every cell of the study, in the order of the plan, done or not."""
    stages: tuple[StageRecord, ...]
    cells: tuple[CellRecord, ...]
    """Those that were inferred, in the order of the plan; what failed later is not in them."""
    failures: tuple[FailureRecord, ...] = ()
    """What went wrong, each cause once; what doesn't depend on it is there all the same."""
    over_seeds: tuple[SeedsRecord, ...] = ()
    """One per set of cells that differ in their seed only; empty when the study has one seed."""
    trainings: tuple[CurveRecord, ...] = ()
    """One per classifier that was trained."""
    agreements: tuple[AgreementRecord, ...] = ()
    """One per classifier, test and pair of attributions."""
    comparisons: tuple[ComparisonRecord, ...] = ()
    """One per pair of methods on one test, by each seed and over the seeds, and validator; empty
    while the run goes on."""
    crossings: tuple[CrossingsRecord, ...] = ()
    """Pairs of methods whose order depends on the threshold; empty while the run goes on."""
    ranking_changes: tuple[RankingChangeRecord, ...] = ()
    """Pairs of methods whose order depends on the attribution."""
    pictures: tuple[PicturesRecord, ...] = ()
    """One per test and view of its images that is kept; empty while the run goes on."""

    _path: Path | None = PrivateAttr(default=None)

    @property
    def results(self) -> Sequence[ResultRecord]:
        """What to report: one per cell, or one per set of cells that differ in their seed only."""
        return self.over_seeds if len(self.seeds) > 1 else self.cells

    def labels(self, table: str) -> list[str]:
        """Return the labels of a table of the spec, such as ``metric``, in its order."""
        return list(dict.fromkeys(entry["name"] for entry in self.spec_resolved.get(table, ())))

    def label(self, key: Key) -> str:
        """Return the name of a cell, as messages, steps and ``--only`` have it."""
        return key.text(attribution=self._several_attributions, seed=len(self.seeds) > 1)

    @property
    def level(self) -> float:
        """Level of the intervals, such as 0.95."""
        level: float = self.spec_resolved.get("statistics", {}).get("level", 0.95)
        return level

    @cached_property
    def _several_attributions(self) -> bool:
        keys = (*self.planned, *(cell.key for cell in self.cells))
        return len({key.attribution for key in keys}) > 1

    @property
    def command(self) -> str:
        """The command line that runs the same study again, or words where it has none."""
        if self.spec_given:
            return write_command("run", self.spec_name, self.overrides)
        without = self.spec_name.startswith("rateval")
        return f"{self.spec_name if without else 'rateval.run'} with the same arguments"

    @property
    def path(self) -> Path:
        """The run's folder. Raises RatevalError for a record that was never saved."""
        if self._path is None:
            raise RatevalError("this record has no folder: it was not saved and not loaded")
        return self._path

    def save(self, folder: Path, spec: str = "") -> None:
        """Write ``run.json`` into ``folder``, and the spec, if it came from a file.

        ``spec`` is its text for that place, as it was given when left out.
        """
        folder.mkdir(parents=True, exist_ok=True)
        if self.spec_given:
            write_whole(folder / "spec.toml", spec or self.spec_given)
        content = self.model_dump(mode="json") | {"format": FORMAT}
        write_whole(folder / FILE_NAME, join_lists(format_json(content)))
        self._path = folder

    def rows(
        self,
        cell: CellRecord,
        validator: str | None = None,
        columns: Sequence[str] | None = None,
    ) -> pa.Table:
        """Read one row per image: predictions beside the verdicts of one validator.

        ``validator`` is a label of the spec, the first one when None; ``columns`` are those of the
        predictions that are read, all when None. Raises RatevalError when the
        cell has no verdicts of it, or the stored results are gone.
        """
        from rateval.store.rows import ROWS, read_judged_rows

        evidence = pick_evidence(cell, validator, self.label(cell.key))
        return read_judged_rows(
            self._result("infer", cell.identity, ROWS),
            self._result("judge", evidence.identity),
            columns,
        )

    def thresholds(self, cell: CellRecord, validator: str | None = None) -> pa.Table:
        """Read counts by threshold, over images of known evidence.

        PT is ``correct`` / ``correct_total``, IR ``correct`` / (``correct`` + ``wrong``). Rows rise
        by ``threshold`` (float64): 0, 0.001 … 1, and the validator's own. ``correct`` and ``wrong``
        are right and wrong predictions that are valid by it; ``others``, ``uniform``, ``centre``
        valid pairs of ``chance``. Each has its ``_total``, the same in all rows (all int64). Raises
        RatevalError as ``rows`` does, and with the reason where there is no threshold.
        """
        label = self.label(cell.key)
        return read_thresholds(self.path, pick_evidence(cell, validator, label), label)

    def classes(
        self, cell: CellRecord, validator: str | None = None, metric: str | None = None
    ) -> pa.Table:
        """Read one score by class: a row for each class of the dataset, whatever their number.

        ``validator`` and ``metric`` are labels of the spec, the first ones when None. Intervals are
        each class's own. Raises RatevalError when there is no such score, or no table of it.
        """
        evidence = pick_evidence(cell, validator, self.label(cell.key))
        return read_scores(self.path, evidence, metric, "class", self.level)

    def groups(
        self, cell: CellRecord, validator: str | None = None, metric: str | None = None
    ) -> pa.Table:
        """Read one score by group: a row for each value of each group, as ``classes`` does."""
        evidence = pick_evidence(cell, validator, self.label(cell.key))
        return read_scores(self.path, evidence, metric, "group", self.level)

    def relevance(self, cell: CellRecord) -> NDArray[np.float16]:
        """Read the relevance maps, (N, rows, cols) float16, each scaled to a maximum of 1."""
        from rateval.store.rows import RELEVANCE, read_relevance

        return read_relevance(self._result("infer", cell.identity, RELEVANCE))

    def curves(self, cell: CellRecord) -> pa.Table:
        """Read the faithfulness of each image: deletion and insertion curves, areas, correlations.

        Raises RatevalError when the stored results are gone, or the study asked for none.
        """
        return self._rows_of(cell, "faithfulness", cell.faithfulness)

    def answers(self, cell: CellRecord) -> pa.Table:
        """Read the answers to edits of each image. Raises RatevalError as ``curves`` does."""
        return self._rows_of(cell, "counterfactual", cell.counterfactual)

    def images(self, pictures: PicturesRecord) -> pa.Table:
        """Read pictures, one row per image. Raises RatevalError when they are gone."""
        from rateval.store.pictures import read_pictures

        folder = self._result(PICTURES, pictures.identity, pictures.file)
        return read_pictures(folder / pictures.file)

    def _rows_of(
        self, cell: CellRecord, table: str, found: FaithfulnessRecord | CounterfactualRecord | None
    ) -> pa.Table:
        from rateval.store.rows import read_rows

        if found is None:
            raise explain_none(self.label(cell.key), table, table in self.spec_resolved)
        return read_rows(self._result(table, found.identity))

    def classifier_folder(self, cell: CellRecord) -> Path:
        """Return where the classifier of a cell is stored. Raises RatevalError when it is gone."""
        return self._result("finetune", cell.classifier)

    def _result(self, stage: str, identity: str, *names: str) -> Path:
        return find_result(self.path, stage, identity, *names)


def load(path: str | Path) -> RunRecord:
    """Load a run from its folder or its ``run.json``.

    Raises RatevalError when there is none, or another version of rateval wrote it.
    """
    file = Path(path)
    try:
        file = file / FILE_NAME if file.is_dir() else file
        content = file.read_bytes()
    except (OSError, ValueError) as error:  # NUL in a path is a ValueError
        raise RatevalError(
            f"{path}: holds no run that can be read ({getattr(error, 'strerror', error)}); "
            "give the folder that `rateval run` printed"
        ) from None
    require_format(file, content)
    try:
        record = RunRecord.model_validate_json(content)
    except ValidationError as error:
        first = error.errors()[0]
        raise RatevalError(
            f"{file}: not a run record of format {READABLE_TEXT}: "
            + ": ".join(filter(None, (".".join(map(str, first["loc"])), first["msg"])))
        ) from None
    record._path = file.parent
    return record
