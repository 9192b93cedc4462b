"""Answers to questions that were given without the image, counted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from rateval.records.scores.answers import WithoutImageRecord
from rateval.records.scores.estimate import Estimate, estimate_share, spread
from rateval.scoring.comparing import Comparer
from rateval.scoring.judged import Judged
from rateval.stats.clusters import clustered_share
from rateval.stats.ratio import Ratio
from rateval.store.rows import has_column, read_rows

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

_COLUMNS = ("output", "blank_output", "blank_correct", "other_output", "other_correct")


def count_without_image(done: Judged, comparer: Comparer) -> WithoutImageRecord | None:
    """Return what is answered without the image; None where nothing was asked so."""
    path = done.inferred.path
    if not has_column(path, "blank_output"):
        return None
    rows = read_rows(path, [*_COLUMNS, "label"])
    labels = rows.column("label").to_numpy().astype(np.int64)
    cluster = comparer.images.cluster_of(done, labels)
    shares: dict[str, Estimate] = {}
    for name in ("blank", "other"):
        asked = rows.column(f"{name}_output").is_valid().to_numpy()
        kept = _equal(rows, "output", f"{name}_output")
        right = rows.column(f"{name}_correct").fill_null(False).to_numpy()
        shares[f"{name}_right"] = _share(right, asked, cluster, comparer.level)
        shares[f"{name}_kept"] = _share(kept, asked, cluster, comparer.level)
    return WithoutImageRecord(**shares)


def without_image_over_seeds(
    repeated: Sequence[WithoutImageRecord], level: float
) -> WithoutImageRecord | None:
    """Return the mean over seeds; one alone says what its images say."""
    if len(repeated) < 2:
        return repeated[0] if repeated else None
    return WithoutImageRecord(
        **{
            name: spread([getattr(one, name).value for one in repeated], level).cut(0)
            for name in WithoutImageRecord.model_fields
        }
    )


def _equal(rows: pa.Table, one: str, other: str) -> NDArray[np.bool_]:
    pairs = zip(rows.column(one).to_pylist(), rows.column(other).to_pylist(), strict=True)
    return np.array([mine == theirs for mine, theirs in pairs], dtype=np.bool_)


def _share(
    above: NDArray[np.bool_],
    below: NDArray[np.bool_],
    cluster: NDArray[np.int64] | None,
    level: float,
) -> Estimate:
    value = estimate_share(int((above & below).sum()), int(below.sum()), level)
    if cluster is None:
        return value
    ratio = Ratio((above & below).astype(np.float64), below.astype(np.float64))
    found = clustered_share(ratio, cluster, level)
    ends = (None, None) if found is None else (found.low, found.high)
    return value.model_copy(update={"low": ends[0], "high": ends[1], "over": "clusters"})
