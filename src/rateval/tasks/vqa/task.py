"""The task ``vqa``: questions about images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rateval.api.tasks.task import Named, Posed
from rateval.tasks.vqa.judge import Judge
from rateval.tasks.vqa.ranked import Ranked
from rateval.tasks.vqa.written import Written

if TYPE_CHECKING:
    from rateval.api.component import Context
    from rateval.tasks.params import VqaParams


def make_vqa(params: VqaParams, context: Context) -> Vqa:
    """Make the task."""
    return Vqa(params)


@dataclass(frozen=True, slots=True)
class Vqa:
    """Questions about images; a ``rateval.api.tasks.task.Task``."""

    params: VqaParams

    def pose(self, dataset: Named) -> Posed:
        """Return the task over a dataset's answers."""
        judge = Judge(self.params, tuple(dataset.classes))
        return Written(judge) if self.params.answer == "generate" else Ranked(judge)
