"""A dataset looked over: everything is read once, then counted and judged."""

from __future__ import annotations

from collections.abc import Sequence

from rateval.api.training import Monitor
from rateval.inspection.counting import count_classes, count_groups
from rateval.inspection.duplicates import find_duplicates
from rateval.inspection.opening import Opened
from rateval.inspection.reading import read_splits
from rateval.inspection.record import DatasetCheck, Limits
from rateval.inspection.splits import summarise_split
from rateval.inspection.verdict import judge, name_unit
from rateval.inspection.views import UsualView, View


def check_dataset(
    opened: Opened, views: Sequence[View], limits: Limits, monitor: Monitor, readers: int
) -> DatasetCheck:
    """Read a dataset once and return what was found.

    Raises PluginError where a sample isn't as its protocol has it.
    """
    readings = read_splits(opened.splits, opened.whole, views, monitor, readers)
    labels = tuple(view.label for view in views)
    splits = tuple(summarise_split(reading, labels) for reading in readings.values())
    classes = count_classes(opened.classes, readings)
    groups = count_groups(readings, opened.group_by)
    duplicates = find_duplicates(opened.classes, readings)
    findings = judge(opened, readings, splits, classes, groups, duplicates, limits)
    return DatasetCheck(
        dataset=opened.label,
        component=opened.component,
        unit=name_unit(readings),
        fit=not any(finding.unfit for finding in findings),
        findings=findings,
        limits=limits,
        splits=splits,
        classes=classes,
        groups=groups,
        unused=dict(opened.unused),
        notes=opened.notes,
        duplicates=duplicates,
        views=labels,
        views_of_models=not isinstance(views[0], UsualView),
    )
