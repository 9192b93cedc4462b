"""Agreement of two explainers by their stored maps and verdicts; no model is touched."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from rateval.records.facts import AgreeFacts, ShareFacts
from rateval.stats.ranks import rank_correlations
from rateval.store import rows as tables

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
    _, *rows = np.intersect1d(_ids(first), _ids(second), assume_unique=True, return_indices=True)
    values, defined = _correlate(first, second, rows)
    count = int(defined.sum())
    return AgreeFacts(
        correlation=float(values[defined].mean()) if count else None,
        count=count,
        verdicts=tuple(
            _compare(paths, rows) for paths in zip(first.judged, second.judged, strict=True)
        ),
    )


def _ids(explained: Explained) -> NDArray[np.str_]:
    ids = pq.read_table(explained.inferred / tables.ROWS, columns=["id"]).column("id").to_pylist()
    return np.array(ids, dtype=np.str_)


def _correlate(
    first: Explained, second: Explained, rows: Sequence[NDArray[np.intp]]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    maps = [
        relevance[chosen].reshape(len(chosen), -1)
        for relevance, chosen in zip(
            (tables.read_relevance(e.inferred) for e in (first, second)), rows, strict=True
        )
    ]
    parts = [
        rank_correlations(maps[0][at : at + _ROWS_AT_ONCE], maps[1][at : at + _ROWS_AT_ONCE])
        for at in range(0, len(maps[0]), _ROWS_AT_ONCE)
    ]
    values, defined = zip(*parts, strict=True) if parts else ([np.zeros(0)], [np.zeros(0, bool)])
    return np.concatenate(values), np.concatenate(defined)


def _compare(paths: Sequence[Path], rows: Sequence[NDArray[np.intp]]) -> ShareFacts:
    columns = ["valid", "undefined"]
    verdicts = [
        tables.read_rows(path, columns).take(at) for path, at in zip(paths, rows, strict=True)
    ]
    valid = [verdict.column("valid").to_numpy() for verdict in verdicts]
    scored = [verdict.column("undefined").is_null().to_numpy() for verdict in verdicts]
    both = scored[0] & scored[1]
    alike = both & (valid[0] == valid[1])
    return ShareFacts(numerator=int(alike.sum()), denominator=int(both.sum()))
