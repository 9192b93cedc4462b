"""Captions counted: what they mention that isn't there, and how like people's they are."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import mean
from typing import TYPE_CHECKING

import numpy as np

from rateval.records.scores.answers import CaptionsRecord
from rateval.records.scores.estimate import Estimate, estimate_share, spread
from rateval.scoring.answers.cider import score_stored
from rateval.scoring.comparing import Comparer
from rateval.scoring.judged import Judged
from rateval.scoring.units.clusters import cluster_samples
from rateval.stats.clusters import clustered_share
from rateval.stats.ratio import Ratio
from rateval.store.tables.samples import has_samples, read_samples

if TYPE_CHECKING:
    from numpy.typing import NDArray


def count_captions(done: Judged, comparer: Comparer) -> CaptionsRecord | None:
    """Return what captions mention; None where none were written.

    Source: CHAIR of Rohrbach et al., EMNLP 2018, section 3.
    """
    path = done.inferred.path
    if not has_samples(path):
        return None
    rows = read_samples(path)
    if not {"mentions", "hallucinated"} <= set(rows.column_names):
        return None
    mentions, hallucinated = (
        rows.column(name).to_numpy().astype(np.float64) for name in ("mentions", "hallucinated")
    )
    cluster = cluster_samples(path, len(rows), comparer.plan.spec.statistics.cluster)
    cider, why = score_stored(path)
    return CaptionsRecord(
        samples=len(rows),
        silent=int((mentions == 0).sum()),
        chair_i=_share(Ratio(hallucinated, mentions), cluster, comparer.level),
        chair_s=_share(
            Ratio((hallucinated > 0).astype(np.float64), np.ones(len(rows))),
            cluster,
            comparer.level,
        ),
        cider=cider,
        no_cider=why,
    )


def captions_over_seeds(repeated: Sequence[CaptionsRecord], level: float) -> CaptionsRecord | None:
    """Return the mean over seeds; one alone says what its samples say."""
    if len(repeated) < 2:
        return repeated[0] if repeated else None
    scores = [one.cider for one in repeated if one.cider is not None]
    whole = len(scores) == len(repeated)
    reasons = (one.no_cider for one in repeated if one.no_cider)
    return CaptionsRecord(
        samples=mean(one.samples for one in repeated),
        silent=mean(one.silent for one in repeated),
        chair_i=spread([one.chair_i.value for one in repeated], level).cut(0),
        chair_s=spread([one.chair_s.value for one in repeated], level).cut(0),
        cider=mean(scores) if whole else None,
        no_cider=None if whole else next(reasons, None),
    )


def _share(ratio: Ratio, cluster: NDArray[np.int64] | None, level: float) -> Estimate:
    """Return a share with the interval that captions leave, or clusters of them."""
    value = estimate_share(int(ratio.above), int(ratio.below), level)
    units = np.arange(len(ratio.numerator)) if cluster is None else cluster
    found = clustered_share(ratio, units, level)
    ends = (None, None) if found is None else (found.low, found.high)
    over = "images" if cluster is None else "clusters"
    return value.model_copy(update={"low": ends[0], "high": ends[1], "over": over})
