"""Which stored results a run's record names, each by its stage and identity."""

from __future__ import annotations

from collections.abc import Iterator
from typing import get_args

from rateval.records.about.pictures import PICTURES
from rateval.records.about.tokens import TOKENS
from rateval.records.run import RunRecord
from rateval.records.scores.cell import CellRecord
from rateval.records.step import Stage

Named = tuple[str, str]
"""Stage and identity of a result."""
VIEW = "view"
"""Results that no record names: how a classifier's model sees images."""
_OF_PARENT = ("finetune", "counterfactual", "faithfulness")
"""Stages of which a run that is scored anew takes what the record of its parent says."""


def name_results(record: RunRecord) -> dict[Named, bool]:
    """Return each result that a run names, and whether its store must have it.

    A run that scores another one anew names also what only that one's store may have.
    """
    steps = [(step.stage, step.identity) for step in record.stages]
    stages = get_args(Stage)
    named = [one for one in steps if one[0] in stages]
    named += [one for cell in record.cells for one in _name_of_cell(cell)]
    named += [(PICTURES, pictures.identity) for pictures in record.pictures]
    named += [(TOKENS, tokens.identity) for tokens in record.tokens]
    scored = record.parent is not None
    return {one: not (scored and one[0] in _OF_PARENT) for one in named}


def _name_of_cell(cell: CellRecord) -> Iterator[Named]:
    """Yield the results of a cell; its classifier is one of the run's steps, or stored nowhere."""
    yield "infer", cell.identity
    for evidence in cell.evidence:
        yield "judge", evidence.identity
        if evidence.curves is not None:
            yield "thresholds", evidence.curves
        yield from (("score", identity) for identity in evidence.tables.values())
    if cell.counterfactual is not None:
        yield "counterfactual", cell.counterfactual.identity
    if cell.faithfulness is not None:
        yield "faithfulness", cell.faithfulness.identity
