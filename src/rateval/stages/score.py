"""One metric of one cell, counted from its outcomes, also by class and by the dataset's groups."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rateval.api.values import Outcomes
from rateval.errors import PluginError
from rateval.records.facts import GroupFacts, ScoreFacts, SliceFacts
from rateval.records.scores.cell import BoundsRecord
from rateval.records.scores.groups import MOST_VALUES
from rateval.store.tables import slices as tables
from rateval.workbench.verdicts.counting import Counting
from rateval.workbench.verdicts.groups import Group

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class Slicing:
    """What the images of one cell are sliced by."""

    classes: Sequence[str]
    """Names of the dataset's classes."""
    labels: NDArray[np.int64]
    """(N,) class of each image."""
    groups: Sequence[Group] = ()


def score(counting: Counting, outcomes: Outcomes, groups: Sequence[Group] = ()) -> ScoreFacts:
    """Compute a metric. Raises PluginError when it contradicts its own counts."""
    counted, heading = counting.count(outcomes), counting.metric.label
    if not isinstance(heading, str):
        raise PluginError(
            f'the metric "{counting.label}" must have a label of text; got {heading!r}',
            kind="metric",
        )
    return ScoreFacts(
        heading=heading,
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


def tabulate(counting: Counting, outcomes: Outcomes, slicing: Slicing, folder: Path) -> None:
    """Write the metric by each class, and by each value of each group, however many there are."""
    _by_class(counting, outcomes, slicing, folder)
    _by_group(counting, outcomes, slicing, folder)


def _by_class(counting: Counting, outcomes: Outcomes, slicing: Slicing, folder: Path) -> None:
    names = list(slicing.classes)
    found = counting.count_parts(outcomes, slicing.labels, len(names))
    columns = {
        "class": list(range(len(names))),
        "name": names,
        "count": np.bincount(slicing.labels, minlength=len(names)).tolist(),
        **_columns(found, "value"),
    }
    tables.write_slices(folder / tables.CLASSES, tables.CLASS_SLICES, columns)


def _by_group(counting: Counting, outcomes: Outcomes, slicing: Slicing, folder: Path) -> None:
    names: list[str] = []
    values: list[str | None] = []
    counts: list[int] = []
    found: list[tuple[int, int] | None] = []
    for group in slicing.groups:
        # The unknown value comes first as a number, and last in the table.
        parts = 1 + group.distinct
        unknown, *known = np.bincount(group.codes + 1, minlength=parts).tolist()
        scores = counting.count_parts(outcomes, group.codes + 1, parts)
        rest = [None] if unknown else []
        values += [*group.values, *rest]
        counts += [*known, *([unknown] if unknown else [])]
        found += [*scores[1:], *(scores[:1] if unknown else [])]
        names += [group.name] * (group.distinct + len(rest))
    columns: dict[str, list[Any]]
    columns = {"group": names, "value": values, "count": counts, **_columns(found, "score")}
    tables.write_slices(folder / tables.GROUPS, tables.GROUP_SLICES, columns)


def _columns(found: Sequence[tuple[int, int] | None], value: str) -> dict[str, list[Any]]:
    return {
        "numerator": [None if one is None else one[0] for one in found],
        "denominator": [None if one is None else one[1] for one in found],
        value: [one[0] / one[1] if one is not None and one[1] else None for one in found],
    }
