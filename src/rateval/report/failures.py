"""What a report says of what failed: the cells, the cause, and the command that tries again."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Iterable, Iterator

from rateval.records.key import Key
from rateval.records.run import RunRecord
from rateval.report.lacks import (
    NOT_FOR_FAITHFULNESS,
    NOT_FOR_SCORES,
    Failed,
    lacking_faithfulness,
)
from rateval.report.rows import Block, name_seeds

AGAIN = "try again: "
"""Beginning of a note's line that holds a command."""


def explain_failures(record: RunRecord, failed: Failed, cells: Collection[Key]) -> Iterator[str]:
    """Yield a note per cause on what failed of these cells, and how to try it again.

    Causes are the same when their messages are.
    """
    causes: dict[str, dict[Key, None]] = {}
    for failure, keys in failed.among(cells):
        causes.setdefault(failure.error, {}).update(dict.fromkeys(keys))
    for error, merged in causes.items():
        yield f"{_name(record, merged)}: {error}\n{AGAIN}{retry(record, merged)}"


def explain_others(record: RunRecord, blocks: Iterable[Block]) -> Iterator[str]:
    """Yield a note on each failure that no table shows, because no number is missing there."""
    scores = {key for block in blocks for key in block.lacking}
    faithfulness = set(lacking_faithfulness(record))
    for failure in record.failures:
        shown = (failure.stage not in NOT_FOR_SCORES and not scores.isdisjoint(failure.cells)) or (
            failure.stage not in NOT_FOR_FAITHFULNESS and not faithfulness.isdisjoint(failure.cells)
        )
        if not shown:
            again = retry(record, failure.cells)
            yield f"{failure.stage} {failure.label}: {failure.error}\n{AGAIN}{again}"


def retry(record: RunRecord, keys: Collection[Key]) -> str:
    """Return the command that tries again: one cell, or all that is not there."""
    if len(keys) != 1 or record.parent is not None:  # all is judged anew, or nothing
        return record.command
    (key,) = keys
    if not record.spec_given:
        return f"{record.command}, only={record.label(key)!r}"
    return f"{record.command} --only {shlex.quote(record.label(key))}"


def _name(record: RunRecord, keys: Iterable[Key]) -> str:
    several = len(record.seeds) > 1
    named: dict[str, list[str]] = {}
    for key in keys:
        seeds = named.setdefault(key.row, [])
        if several and key.seed is not None and str(key.seed) not in seeds:
            seeds.append(str(key.seed))
    return "; ".join(f"{name}{name_seeds(seeds)}" for name, seeds in named.items())
