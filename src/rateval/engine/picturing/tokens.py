"""Which maps of single tokens a study keeps: a step per cell that answers by texts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from rateval.plan.cells import Cell
from rateval.records.about.pictures import PICTURES
from rateval.records.about.tokens import TOKENS, TokensRecord
from rateval.records.facts import TokensFacts
from rateval.records.key import Key
from rateval.records.step import Demand, Step
from rateval.scoring.judged import Judged
from rateval.store.identity import identify_result
from rateval.workbench.bench import Workbench
from rateval.workbench.tokens import by_token

MOST = 32
"""Tokens of a text that have a map of their own at most, from its beginning."""


def speaks(cell: Cell, bench: Workbench) -> bool:
    """Return whether the tokens of what a cell answers can be explained one by one."""
    explains = cell.attribution.registered.component.by_token
    return explains and by_token(bench.task(cell.dataset, cell.seed)) is not None


def list_token_steps(
    pictures: Iterable[Step], judged: Iterable[Judged], bench: Workbench, units: int
) -> Iterator[Step]:
    """Yield the step of each cell among those of ``pictures``, for ``units`` of them at most.

    What the maps depend on are the cell's answers, and which units there are pictures of.
    """
    found = {done.inferred.identity: done for done in judged}
    for step in pictures if units else ():
        there = {cell["inferred"] for cell in step.inputs["cells"]}
        for identity, done in found.items():  # in the order of the plan
            if identity in there and speaks(done.cell, bench):
                yield _step(step, done, units)


def _step(pictures: Step, done: Judged, units: int) -> Step:
    inputs = {
        "inferred": done.inferred.identity,
        PICTURES: pictures.identity,
        "units": units,
        "most": MOST,
    }
    classifier = done.finetuned.identity
    return Step(
        TOKENS,
        done.cell.label,
        identify_result(TOKENS, inputs),
        inputs,
        (pictures.identity, done.inferred.identity, classifier),
        Demand(device=True, affinity=classifier),
    )


def record_tokens(
    step: Step, facts: Mapping[str, Any], keys: Iterable[Key]
) -> Iterator[TokensRecord]:
    """Yield what is recorded of a step's maps: one record per cell that has them."""
    found = TokensFacts.model_validate(facts)
    for key in keys:
        yield TokensRecord(key=key, identity=step.identity, **found.model_dump())
