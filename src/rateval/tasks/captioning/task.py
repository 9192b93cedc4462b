"""The task ``captioning``: what a caption says to be there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rateval.api.tasks.task import Named
from rateval.tasks.captioning.captions import Captions
from rateval.tasks.captioning.phrases import Phrases

if TYPE_CHECKING:
    from rateval.api.component import Context
    from rateval.tasks.params import CaptioningParams


def make_captioning(params: CaptioningParams, context: Context) -> Captioning:
    """Make the task."""
    return Captioning(params)


@dataclass(frozen=True, slots=True)
class Captioning:
    """Captions of images; a ``rateval.api.tasks.task.Task``."""

    params: CaptioningParams

    def pose(self, dataset: Named) -> Captions:
        """Return the task over what a dataset's classes are called."""
        return Captions(Phrases(dataset.wordings), dataset.classes, self.params.correct)
