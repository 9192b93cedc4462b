"""Validators of what a classifier answers to edited images, in place of relevance maps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

from rateval.api.values import Verdict

if TYPE_CHECKING:
    import torch


class EditsValidator(Protocol):
    """A way to judge whether an answer hangs on the evidence, by edited images.

    Its component says ``needs = "predictions under edits"``.
    """

    def judge(self, answers: Mapping[str, torch.Tensor]) -> Verdict:
        """Judge B images by their answers, each a tensor of (B,) on one device.

        An answer is the class predicted on the whole image. ``kept_on_object``, float32: the share
        of versions with another background on which it stays. ``kept_without_object``, bool:
        whether it stays once the object is filled in. ``gap``, float32: its mean probability on the
        former minus that on the latter. ``causal``, bool: by the study's ``keep``, whether it stays
        with the object and goes without it. Later versions may have more names.

        Images of which no answer is known are not among them: their verdict is undefined.
        """
        ...
