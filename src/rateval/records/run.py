"""A whole run in ``run.json``: everything a report needs, and where the rows lie."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, PrivateAttr, ValidationError

from rateval.errors import RatevalError
from rateval.json_file import format_json, join_lists, write_whole
from rateval.records.about.dataset import DatasetRecord
from rateval.records.about.environment import EnvironmentRecord
from rateval.records.about.parent import ParentRecord
from rateval.records.about.pictures import PicturesRecord
from rateval.records.about.tokens import TokensRecord
from rateval.records.about.trainings import CurveRecord
from rateval.records.format import FORMAT, READABLE_TEXT, require_format
from rateval.records.key import Key
from rateval.records.scores.cell import CellRecord, ResultRecord
from rateval.records.scores.chance import CrossingsRecord
from rateval.records.scores.comparisons import ComparisonRecord
from rateval.records.scores.explainers import AgreementRecord, RankingChangeRecord
from rateval.records.scores.seeds import SeedsRecord
from rateval.records.scores.shifts import OrderRecord, ShiftsRecord
from rateval.records.step import FailureRecord, StageRecord
from rateval.records.tables import StoredTables
from rateval.store.remote.mirror import name_place
from rateval.store.remote.runs import fetch_run
from rateval.wording import write_command

FILE_NAME = "run.json"
STEPS_NAME = "steps.jsonl"
"""File beside it with a line for each step that ended."""
LOG_NAME = "run.log"
"""File beside it with the tracebacks of steps that failed."""


class RunRecord(StoredTables):
    """Everything that is known of one run; in a notebook it shows its tables."""

    format: Literal[4, 5, 6] = 6
    study: str
    protocol: Literal["matched", "aaai25"] = "matched"
    """As the study's ``protocol``."""
    differences: tuple[str, ...] = ()
    """Sentences on what the protocol changed; none for ``matched``."""
    status: Literal["running", "finished", "interrupted", "failed"]
    """``running`` also says a run that died before it could say anything else."""
    parent: ParentRecord | None = None
    """The run that this one scores anew; null where it predicted and explained itself."""
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
    base: str | None = None
    """Folder that relative paths of the spec's ``[run]`` and params start from: the current one of
    whoever started the run. Null in records from before it was kept."""
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
    shifts: tuple[ShiftsRecord, ...] = ()
    """One per method, family of shifts and validator, over the seeds where there are several; empty
    while the run goes on."""
    shift_orders: tuple[OrderRecord, ...] = ()
    """What each type of a shift does to the order of methods; empty while the run goes on."""
    crossings: tuple[CrossingsRecord, ...] = ()
    """Pairs of methods whose order depends on the threshold; empty while the run goes on."""
    ranking_changes: tuple[RankingChangeRecord, ...] = ()
    """Pairs of methods whose order depends on the attribution."""
    pictures: tuple[PicturesRecord, ...] = ()
    """One per test and view of its images that is kept; empty while the run goes on."""
    tokens: tuple[TokensRecord, ...] = ()
    """One per cell that answers by texts, of those pictures; empty while the run goes on."""

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

    def unit(self, dataset: str | None = None) -> str:
        """Return what is predicted once, in the singular: of a dataset, or of all of them.

        Where they differ it is ``unit``.
        """
        units = {data.unit for data in self.datasets if dataset in (None, data.name)}
        return units.pop() if len(units) == 1 else "unit" if units else "image"

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
        if self.parent is not None and self.parent.asked:
            return shlex.join(["rateval", "score", self.parent.path, *self.parent.asked])
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

    @property
    def place(self) -> str:
        """How messages call the run's folder: by its URL where the output was one."""
        return name_place(self.path)

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


def load(path: str | Path) -> RunRecord:
    """Load a run from its folder or its ``run.json``, or from the URL of either.

    Raises RatevalError when there is none, or another version of rateval wrote it.
    """
    file = fetch_run(path)
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
