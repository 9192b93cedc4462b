"""One metric of one cell, counted from its outcomes, also by the dataset's groups."""

from __future__ import annotations

from collections.abc import Sequence

from rateval.api.protocols import Metric
from rateval.api.task import Task
from rateval.api.values import Outcomes
from rateval.errors import PluginError
from rateval.records.facts import GroupFacts, ScoreFacts, SliceFacts
from rateval.records.scores.cell import BoundsRecord
from rateval.records.scores.groups import MOST_VALUES
from rateval.workbench.counting import Counting
from rateval.workbench.groups import Group


def score(
    task: Task,
    label: str,
    metric: Metric,
    outcomes: Outcomes,
    groups: Sequence[Group] = (),
    *,
    edits: bool = False,
) -> ScoreFacts:
    """Compute a metric, called ``label``, which may need predictions under ``edits``.

    Raises PluginError when it contradicts its own counts.
    """
    counting = Counting(task, label, metric, edits)
    counted = counting.count(outcomes)
    if not isinstance(metric.label, str):
        raise PluginError(
            f'the metric "{label}" must have a label of text; got {metric.label!r}', kind="metric"
        )
    return ScoreFacts(
        heading=metric.label,
        numerator=int(counted.numerator),
        denominator=int(counted.denominator),
        bounds=_bound(counting, outcomes),
        groups=tuple(_count_group(counting, outcomes, group) for group in groups),
    )


def _bound(counting: Counting, outcomes: Outcomes) -> BoundsRecord | None:
    supposed = counting.try_unknown(outcomes)
    if supposed is None:
        return None
    values = [score.value for score in supposed]
    defined = [value for value in values if value is not None]
    return BoundsRecord(
        none_valid=values[0],
        all_valid=values[-1],
        least=min(defined, default=None),
        greatest=max(defined, default=None),
    )


def _count_group(counting: Counting, outcomes: Outcomes, group: Group) -> GroupFacts:
    few = group.distinct <= MOST_VALUES
    slices = []
    for value, chosen in group.slices() if few else ():
        counted = counting.count(outcomes.among(chosen))
        slices.append(
            SliceFacts(
                value=value,
                count=int(chosen.sum()),
                numerator=int(counted.numerator),
                denominator=int(counted.denominator),
            )
        )
    return GroupFacts(name=group.name, distinct=group.distinct, slices=tuple(slices))
