"""How far attributions' sums are from what they should be, over many images."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from rateval.records.scores.explainers import COMPLETE, CompletenessRecord


def sum_up(sums: Sequence[torch.Tensor]) -> CompletenessRecord | None:
    """Return how far gaps and differences, (2, B) each, are off; None for none."""
    if not sums:
        return None
    gaps, differences = torch.cat(list(sums), dim=1).double().abs()
    return CompletenessRecord(
        count=len(gaps),
        gap=float(gaps.mean()),
        largest=float(gaps.max()),
        difference=float(differences.mean()),
        beyond=int((gaps > COMPLETE * differences).sum()),
    )


def merge_completeness(
    parts: Sequence[CompletenessRecord | None],
) -> CompletenessRecord | None:
    """Return that of parts of a split as one; None where no part has any."""
    found = [part for part in parts if part is not None]
    if not found:
        return None
    count = sum(part.count for part in found)
    return CompletenessRecord(
        count=count,
        gap=sum(part.gap * part.count for part in found) / count,
        largest=max(part.largest for part in found),
        difference=sum(part.difference * part.count for part in found) / count,
        beyond=sum(part.beyond for part in found),
    )
