"""The tables of a run that are stored beside its record, read one at a time."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rateval.records.about.pictures import PICTURES, PicturesRecord
from rateval.records.about.tokens import TOKENS, TokensRecord
from rateval.records.key import Key
from rateval.records.presenting import Presented
from rateval.records.results import (
    explain_none,
    find_result,
    pick_evidence,
    read_scores,
    read_thresholds,
)
from rateval.records.scores.cell import CellRecord
from rateval.records.scores.counterfactual import CounterfactualRecord
from rateval.records.scores.explainers import FaithfulnessRecord

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray


class StoredTables(Presented):
    """What a run's record reads from the store; the record itself says where that is."""

    if TYPE_CHECKING:  # fields of a base would come first in run.json
        spec_resolved: dict[str, Any]
        tokens: tuple[TokensRecord, ...]

        @property
        def path(self) -> Path:
            """The run's folder."""

        @property
        def level(self) -> float:
            """Level of the intervals."""

        def label(self, key: Key) -> str:
            """Return the name of a cell."""

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

    def columns(self, cell: CellRecord) -> frozenset[str]:
        """Return the names of what is stored of each prediction.

        Raises RatevalError when the stored results are gone.
        """
        from rateval.store.rows import ROWS, list_columns

        return list_columns(self._result("infer", cell.identity, ROWS))

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
        from rateval.store.relevance import RELEVANCE
        from rateval.store.rows import read_relevance

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
        from rateval.store.tables.pictures import read_pictures

        folder = self._result(PICTURES, pictures.identity, pictures.file)
        return read_pictures(folder / pictures.file)

    def tokens_of(self, cell: CellRecord) -> pa.Table | None:
        """Read the maps of single tokens of a cell's answers, one row for each that has some.

        None where there are none. Raises RatevalError when they are gone.
        """
        from rateval.store.tables.tokens import FILE, read_tokens

        found = next((one for one in self.tokens if one.key == cell.key), None)
        return found and read_tokens(self._result(TOKENS, found.identity, FILE))

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
