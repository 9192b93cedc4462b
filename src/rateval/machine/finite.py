"""Numbers that are not finite, told in words."""

from __future__ import annotations

from collections.abc import Iterable

import torch

from rateval.wording import list_some


def name_fault(numbers: torch.Tensor) -> str | None:
    """Return ``NaN`` or ``infinite`` where numbers are that, None where all are finite.

    >>> name_fault(torch.tensor([1.0, torch.inf])), name_fault(torch.tensor([torch.nan, torch.inf]))
    ('infinite', 'NaN')
    """
    if torch.isfinite(numbers).all():
        return None
    return "NaN" if torch.isnan(numbers).any() else "infinite"


def describe_broken(weights: Iterable[tuple[str, torch.Tensor]]) -> str | None:
    """Return which weights, given with their names, are not finite; None when all are.

    >>> describe_broken([("a", torch.ones(2)), ("b", torch.tensor([1.0, torch.nan]))])
    'b (NaN, 1 of 2 numbers)'
    """
    broken = [
        f"{name} ({fault}, {int((~torch.isfinite(weight)).sum())} of {weight.numel()} numbers)"
        for name, weight in weights
        if (fault := name_fault(weight)) is not None
    ]
    return list_some(broken) if broken else None
