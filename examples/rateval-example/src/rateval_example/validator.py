"""A validator that asks the model, not a map: does the answer hang on the object?"""

from __future__ import annotations

from collections.abc import Mapping

import torch

from rateval.api import Context, Verdict
from rateval_example.params import HangsOnObjectParams


class HangsOnObject:
    """A ``rateval.api.edits.EditsValidator``: valid where the probability falls enough.

    It is that of the answer, on other backgrounds with the object minus that without the object.
    """

    def __init__(self, fall: float) -> None:
        self._fall = fall

    def judge(self, answers: Mapping[str, torch.Tensor]) -> Verdict:
        """Judge B images by their answers under edits."""
        gap = answers["gap"].clone()
        return Verdict(
            gap, gap >= self._fall, torch.ones_like(gap, dtype=torch.bool), ("",) * len(gap)
        )


def make_hangs_on_object(params: HangsOnObjectParams, context: Context) -> HangsOnObject:
    """Make the validator."""
    return HangsOnObject(params.fall)
