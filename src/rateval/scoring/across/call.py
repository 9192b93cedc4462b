"""``rateval.compare``: runs compared on the units that they share."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rateval.records.run import RunRecord, load

if TYPE_CHECKING:
    from rateval.records.compare import CompareRecord
    from rateval.registry.registry import Registry


def compare(
    baseline: str | Path | RunRecord,
    *candidates: str | Path | RunRecord,
    pair: Sequence[tuple[str, str]] = (),
    different_view: bool = False,
    level: float | None = None,
    margin: float | None = None,
    changed: int | None = 10,
    registry: Registry | None = None,
) -> CompareRecord:
    """Compare runs with a baseline on the units that they share, from what is stored of them.

    Runs are records or their folders. Compared are cells of one dataset, shift and attribution by
    methods of the same labels, and the only method that each run trained; ``pair`` names others,
    each by a label or a pattern of the baseline's and of the candidate's. ``different_view`` allows
    models that see other parts of the images. ``level`` and ``margin`` are those of the baseline's
    ``[statistics]`` when None. Of units that changed their quadrant each pair lists the first
    ``changed``, all when None.
    Raises RatevalError with every reason where data or views differ, no cell pairs up, or what is
    stored is gone.
    """
    from rateval.registry.discovery import discover
    from rateval.scoring.across.runs import Options, compare_runs

    runs = [one if isinstance(one, RunRecord) else load(one) for one in (baseline, *candidates)]
    options = Options(pair, different_view, level, margin, changed)
    return compare_runs(runs, registry or discover(), options)
