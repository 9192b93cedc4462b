"""What a report says of what failed: the cells, the cause, and the command that tries again."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Iterable, Iterator

from rateval.records.key import Key
from rateval.records.run import RunRecord
from rateval.records.step import FailureRecord
from rateval.report.rows import (
    NOT_FOR_FAITHFULNESS,
    NOT_FOR_SCORES,
    lacking_faithfulness,
    lay_out,
    name_seeds,
)

AGAIN = "try again: "
"""Beginning of a note's line that holds a command."""


def explain_failures(
    record: RunRecord, failures: Iterable[FailureRecord], cells: Collection[Key]
) -> Iterator[str]:
    """Yield a note per cause on what failed of these cells, and how to try it again.

    Causes are the same when their messages are.
    """
    causes: dict[str, list[Key]] = {}
    for failure in failures:
        keys = [key for key in failure.cells if key in cells]
        if keys:
            merged = causes.setdefault(failure.error, [])
            merged += [key for key in keys if key not in merged]
    for error, keys in causes.items():
        yield f"{_name(record, keys)}: {error}\n{AGAIN}{retry(record, keys)}"


def explain_others(record: RunRecord) -> Iterator[str]:
    """Yield a note on each failure that no table shows, because no number is missing there."""
    scores = {key for block in lay_out(record) for key in block.lacking}
    faithfulness = set(lacking_faithfulness(record))
    for failure in record.failures:
        cells = set(failure.cells)
        shown = (cells & scores and failure.stage not in NOT_FOR_SCORES) or (
            cells & faithfulness and failure.stage not in NOT_FOR_FAITHFULNESS
        )
        if not shown:
            again = retry(record, failure.cells)
            yield f"{failure.stage} {failure.label}: {failure.error}\n{AGAIN}{again}"


def retry(record: RunRecord, keys: Collection[Key]) -> str:
    """Return the command that tries again: one cell, or all that is not there."""
    if len(keys) != 1:
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
