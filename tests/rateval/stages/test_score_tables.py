"""Tables by class and by group of metrics that are sums over images, and of others."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from rateval.api.values import Outcomes, Score
from rateval.stages.score import Slicing, tabulate
from rateval.store.tables.slices import CLASSES, GROUPS, read_slices
from rateval.workbench.verdicts.counting import Counting
from rateval.workbench.verdicts.groups import Group


class Most:
    """No sum over images: whether most of them are right; it can't tell of fewer than two."""

    label = "most"

    def compute(self, outcomes: Outcomes) -> Score:
        if len(outcomes.correct) < 2:
            raise ValueError("two images at least")
        return Score.share(int(outcomes.correct.mean() > 0.5), 1)


RIGHT = np.array([True, True, False, False, False, True])
LABELS = np.array([0, 0, 1, 1, 1, 3])


def test_a_metric_that_is_no_sum_is_asked_of_each_class(tmp_path: Path) -> None:
    codes = np.array([1, 1, -1, 1, 0, 1])
    slicing = Slicing(["a", "b", "c", "d"], LABELS, [Group("site", ("x", "y"), codes)])
    counting = Counting("most", Most())
    tabulate(counting, Outcomes(RIGHT, RIGHT), slicing, tmp_path)
    rows = read_slices(tmp_path / CLASSES).to_pylist()
    assert [tuple(row.values()) for row in rows] == [
        (0, "a", 2, 1, 1, 1.0),
        (1, "b", 3, 0, 1, 0.0),
        (2, "c", 0, 0, 0, None),
        (3, "d", 1, None, None, None),  # of one image it can't tell
    ]
    rows = read_slices(tmp_path / GROUPS).to_pylist()
    assert [tuple(row.values()) for row in rows] == [
        ("site", "x", 1, None, None, None),
        ("site", "y", 4, 1, 1, 1.0),
        ("site", None, 1, None, None, None),
    ]
