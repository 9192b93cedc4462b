"""The refusal of weights that a module would take only in part."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch

from rateval.errors import RatevalError
from rateval.modelkit.checkpoint_files.prefixes import explain_prefix
from rateval.wording import list_some


def require_same_weights(
    given: Mapping[str, torch.Tensor],
    wanted: Mapping[str, torch.Tensor],
    path: Path,
    *,
    owner: str,
    remedy: str,
) -> None:
    """Raise RatevalError unless ``given`` has exactly the keys and shapes of ``wanted``.

    Whole numbers where floating-point ones belong are refused, too: they are codes of a quantiser.
    The message names ``path``, up to ten keys of each fault, ``owner`` (whose state dict
    ``wanted`` is, such as ``this architecture``) and the ``remedy`` (``give …``), or what stands
    before the names and is to be stripped.

    >>> weight = {"weight": torch.zeros(2)}
    >>> require_same_weights(weight, weight, Path("a.pt"), owner="it", remedy="give another")
    >>> require_same_weights(  # doctest: +ELLIPSIS
    ...     {}, weight, Path("a.pt"), owner="it", remedy="give another"
    ... )
    Traceback (most recent call last):
    rateval.errors.RatevalError: a.pt: the keys are not those of it: 1 missing (weight). ...
    """
    missing = [key for key in wanted if key not in given]
    unexpected = [key for key in given if key not in wanted]
    misfits = [
        f"{key} is {tuple(given[key].shape)}, must be {tuple(value.shape)}"
        for key, value in wanted.items()
        if key in given and given[key].shape != value.shape
    ]
    if missing or unexpected:
        faults = (("missing", missing), ("unexpected", unexpected), ("of another shape", misfits))
        parts = [f"{len(items)} {what} ({list_some(items)})" for what, items in faults if items]
        raise RatevalError(
            f"{path}: the keys are not those of {owner}: {'; '.join(parts)}. Loaded like that, the "
            "results would be those of partly random weights; "
            f"{explain_prefix(given, wanted) or remedy}"
        )
    if misfits:
        raise RatevalError(
            f"{path}: {len(misfits)} weights have another shape than those of {owner} "
            f"({list_some(misfits)}); {remedy}"
        )
    whole = [
        f"{key} is {str(given[key].dtype).removeprefix('torch.')}"
        for key, value in wanted.items()
        if value.is_floating_point() and not given[key].is_floating_point()
    ]
    if whole:
        raise RatevalError(
            f"{path}: {len(whole)} weights are whole numbers ({list_some(whole)}), as quantisers "
            f"leave them, and those of {owner} are floating-point ones; give the weights "
            "themselves, unquantised"
        )
