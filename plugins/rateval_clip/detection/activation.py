"""Which of the architectures of one shape is meant: what tells the activation, and what doesn't."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from rateval.modelkit import Clues
from rateval_clip.checkpoint.origin import find_origin
from rateval_clip.detection.candidates import Candidate
from rateval_clip.detection.told import Told


def choose_activation(
    told: Told, clues: Clues, candidates: Sequence[Candidate]
) -> tuple[Candidate, str, list[str]]:
    """Return a candidate, why it of those that differ in activation, and what stays open."""
    if clues.file is not None and candidates[0].name == str(clues.file.parent):
        return candidates[0], ", as the config beside it says", []
    origin = None if clues.file is None else find_origin(clues.file, told.weights)
    quick = _kept_by_openai(told)
    if origin is not None:
        quick, reason = origin.quick_gelu, f", by {origin.why}"
    else:
        reason = ""
    fitting = [one for one in candidates if one.quick_gelu == quick] or list(candidates)
    chosen = fitting[0]
    others = [one.name for one in candidates if one is not chosen]
    if origin is not None or not others:
        return chosen, reason, []
    named = " or ".join(f'"{name}"' for name in others)
    if len({one.quick_gelu for one in candidates}) == 1:
        return (
            chosen,
            reason,
            [
                f"which of several architectures of one shape it is: {chosen.name} is taken; "
                f"architecture = {named} would fit as well"
            ],
        )
    taken = (
        "QuickGELU is taken, for the numbers are half and single precision mixed, as OpenAI's own "
        "program leaves them"
        if quick and chosen.quick_gelu
        else f"{'QuickGELU' if chosen.quick_gelu else 'GELU'} is taken, as {chosen.name} computes "
        "it and models of LAION and DataComp do; those of OpenAI, DFN and MetaCLIP compute "
        "QuickGELU"
    )
    question = (
        f"the activation, which shapes don't tell, and which changes every result: {taken}; where "
        f"that is wrong set architecture = {named}"
    )
    return chosen, reason, [question]


def _kept_by_openai(told: Told) -> bool:
    kinds = {tensor.dtype for tensor in told.weights.values() if tensor.ndim}
    return {torch.float16, torch.float32} <= kinds
