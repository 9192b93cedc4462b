"""Attributions that are explained from one pass over a batch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from rateval.api.protocols import Attribution, Classifier
from rateval.api.values import Explanation

if TYPE_CHECKING:
    import torch


class Sharing(Attribution, Protocol):
    """An attribution that shares a pass with others of its plugin; its component says ``shares``.

    A plan's attributions of one classifier and one test that name the same there are explained
    together. One that is alone in that is explained by ``explain``.
    """

    def explain_together(
        self,
        planned: Sequence[Attribution],
        wanted: Sequence[int],
        classifier: Classifier,
        images: torch.Tensor,
        labels: torch.Tensor,
        ids: Sequence[str] | None = None,
    ) -> Sequence[Explanation]:
        """Explain as ``explain`` does by each of the planned ones whose place is wanted, in order.

        ``planned`` are the plan's, this one among them; the others' results may be stored already,
        or be made later. What is returned for one depends, bit by bit, on what is planned and never
        on what is wanted, and differs from what ``explain`` returns by rounding at most. Raises
        what ``explain`` raises of one that is wanted, and nothing for the sake of the others.
        """
        ...
