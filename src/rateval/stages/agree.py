"""Agreement of two explainers by their stored maps and verdicts; no model is touched."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from rateval.records.facts import AgreeFacts, ShareFacts
from rateval.stats.ranks import rank_correlations
from rateval.store import rows as tables
from rateval.store.ids import match_ids

_ROWS_AT_ONCE = 4096


@dataclass(frozen=True, slots=True)
class Explained:
    """Where the results of one explainer lie."""

    inferred: Path
    judged: Sequence[Path]
    """One per validator."""


def agree(first: Explained, second: Explained) -> AgreeFacts:
    """Return the mean rank correlation of maps, and the share of equal verdicts per validator.

    Images count that both have, in the correlation where neither map is constant, in a share where
    both have a score.
    """
    # Of equal data the ids are equal; a file that went missing between two runs is in one alone.
    rows = match_ids(_ids(first), _ids(second))
    values, defined = _correlate(first, second, rows)
    count = int(defined.sum())
    return AgreeFacts(
        correlation=float(values[defined].mean()) if count else None,
        count=count,
        verdicts=tuple(
            _compare(paths, rows) for paths in zip(first.judged, second.judged, strict=True)
        ),
    )


def _ids(explained: Explained) -> pa.ChunkedArray:
    return tables.read_rows(explained.inferred, ["id"]).column("id")


def _correlate(
    first: Explained, second: Explained, rows: Sequence[NDArray[np.int64]]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    maps = [tables.read_relevance(explained.inferred) for explained in (first, second)]
    parts = [
        rank_correlations(*(_take(maps[at], rows[at][start:stop]) for at in (0, 1)))
        for start, stop in _cut(len(rows[0]))
    ]
    values, defined = zip(*parts, strict=True) if parts else ([np.zeros(0)], [np.zeros(0, bool)])
    return np.concatenate(values), np.concatenate(defined)


def _cut(count: int) -> Iterator[tuple[int, int]]:
    for start in range(0, count, _ROWS_AT_ONCE):
        yield start, min(start + _ROWS_AT_ONCE, count)


def _take(maps: NDArray[np.float16], rows: NDArray[np.int64]) -> NDArray[np.float16]:
    return maps[rows].reshape(len(rows), -1)


def _compare(paths: Sequence[Path], rows: Sequence[NDArray[np.int64]]) -> ShareFacts:
    columns = ["valid", "undefined"]
    verdicts = [
        tables.read_rows(path, columns).take(at) for path, at in zip(paths, rows, strict=True)
    ]
    valid = [verdict.column("valid").to_numpy() for verdict in verdicts]
    scored = [verdict.column("undefined").is_null().to_numpy() for verdict in verdicts]
    both = scored[0] & scored[1]
    alike = both & (valid[0] == valid[1])
    return ShareFacts(numerator=int(alike.sum()), denominator=int(both.sum()))
