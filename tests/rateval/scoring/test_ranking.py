from __future__ import annotations

from collections.abc import Mapping

import pytest

from rateval.records.key import ClassifierKey, Key
from rateval.records.scores.cell import CellRecord, ScoreRecord, StoredEvidenceRecord
from rateval.records.scores.comparisons import ComparisonRecord, DifferenceRecord
from rateval.records.scores.estimate import Estimate
from rateval.records.scores.explainers import RankingChangeRecord
from rateval.scoring.ranking import find_ranking_changes

Values = Mapping[str, Mapping[str, float | None]]
"""Attribution to method to value."""


def score(metric: str, value: float | None, half: float) -> ScoreRecord:
    return ScoreRecord(
        metric=metric,
        heading=metric.upper(),
        value=Estimate(
            value=value,
            numerator=0,
            denominator=0 if value is None else 1,
            low=None if value is None else value - half,
            high=None if value is None else value + half,
            over="images",
            count=0 if value is None else 1,
        ),
    )


def cells(values: Values, half: float = 0.0, **more: str) -> list[CellRecord]:
    """Make a cell per attribution and method, whose only metric is ``pt``."""
    return [
        CellRecord(
            key=Key(
                dataset=more.get("dataset", "d"),
                model="m",
                finetuner=method,
                shift=more.get("shift"),
                attribution=attribution,
            ),
            trained=True,
            identity="i",
            classifier="f",
            count=1,
            skipped=(),
            skipped_in_training=(),
            evidence=(
                StoredEvidenceRecord(
                    validator="v",
                    identity="e",
                    quadrants={},
                    undefined={},
                    scores=(score("pt", value, half),),
                ),
            ),
        )
        for attribution, methods in values.items()
        for method, value in methods.items()
    ]


def changes(values: Values, half: float = 0.0) -> list[RankingChangeRecord]:
    return list(find_ranking_changes(cells(values, half)))


def test_a_pair_that_changes_places() -> None:
    (found,) = changes({"last": {"zs": 0.5, "ft": 0.6}, "all": {"zs": 0.6, "ft": 0.5}})
    assert found == RankingChangeRecord(
        first=ClassifierKey(dataset="d", model="m", finetuner="zs"),
        second=ClassifierKey(dataset="d", model="m", finetuner="ft"),
        shift=None,
        validator="v",
        metric="pt",
        heading="PT",
        first_above=("all",),
        second_above=("last",),
        clear=False,  # nothing is known of the difference
    )


@pytest.mark.parametrize(
    "values",
    [
        {"last": {"zs": 0.5, "ft": 0.6}},
        {"last": {"zs": 0.5, "ft": 0.6}, "all": {"zs": 0.1, "ft": 0.9}},
        {"last": {"zs": 0.5, "ft": 0.6}, "all": {"zs": 0.5, "ft": 0.5}},
        {"last": {"zs": 0.5, "ft": 0.6}, "all": {"zs": 0.5, "ft": None}},
        {"last": {"zs": 0.5, "ft": 0.6}, "all": {"zs": None, "ft": 0.1}},
        {"last": {"zs": None, "ft": None}, "all": {"zs": None, "ft": None}},
        {"last": {"zs": 0.5, "ft": 0.6}, "all": {"zs": 0.7}},
        {"last": {"zs": 0.5}, "all": {"zs": 0.7}},
        {},
    ],
)
def test_what_is_no_change(values: Values) -> None:
    assert changes(values) == []


def test_ties_and_undefined_values_take_no_side() -> None:
    (found,) = changes(
        {
            "a": {"zs": 0.5, "ft": 0.6},
            "b": {"zs": 0.5, "ft": 0.5},
            "c": {"zs": 0.7, "ft": 0.6},
            "d": {"zs": None, "ft": 0.6},
            "e": {"zs": 0.2, "ft": 0.6},
        }
    )
    assert (found.first_above, found.second_above) == (("c",), ("a", "e"))


def test_only_the_pairs_that_change() -> None:
    found = changes(
        {"last": {"a": 0.1, "b": 0.2, "c": 0.3}, "all": {"a": 0.2, "b": 0.1, "c": 0.15}}
    )
    assert [(c.first.finetuner, c.second.finetuner) for c in found] == [("a", "b"), ("a", "c")]


def compared(attribution: str, low: float, high: float, **more: str) -> ComparisonRecord:
    """Make the difference of ``ft`` and ``zs`` by one attribution."""
    zs, ft = (
        Key(dataset="d", model="m", finetuner=method, attribution=attribution)
        for method in ("zs", "ft")
    )
    difference = DifferenceRecord(
        metric=more.get("metric", "pt"),
        value=(low + high) / 2,
        low=low,
        high=high,
        p=None,
        p_corrected=None,
        few=False,
        over="images",
    )
    return ComparisonRecord(
        method=ft,
        against=zs,
        validator=more.get("validator", "v"),
        count=10,
        transitions={},
        differences=(difference,),
    )


LAST, ALL = compared("last", 0.1, 0.5), compared("all", -0.3, -0.1)


@pytest.mark.parametrize(
    ("comparisons", "clear"),
    [
        ((LAST, ALL), True),
        ((LAST,), False),
        ((LAST, compared("all", -0.3, 0.1)), False),
        ((LAST, compared("all", -0.3, -0.1, metric="ir")), False),
        ((LAST, compared("all", -0.3, -0.1, validator="w")), False),
    ],
)
def test_a_change_is_clear_where_paired_intervals_leave_out_0_on_both_sides(
    comparisons: tuple[ComparisonRecord, ...], clear: bool
) -> None:
    # The values' own intervals overlap by far, which says nothing of methods on the same images.
    values = {"last": {"zs": 0.2, "ft": 0.5}, "all": {"zs": 0.6, "ft": 0.4}}
    (found,) = find_ranking_changes(cells(values, 0.3), comparisons)
    assert found.clear == clear


def test_datasets_and_shifts_are_compared_apart() -> None:
    one = {"last": {"zs": 0.5, "ft": 0.6}}
    other = {"all": {"zs": 0.6, "ft": 0.5}}
    assert list(find_ranking_changes([*cells(one), *cells(other, dataset="e")])) == []
    assert list(find_ranking_changes([*cells(one), *cells(other, shift="fog")])) == []
    shifted = [*cells(one, shift="fog"), *cells(other, shift="fog")]
    assert [str(change.shift) for change in find_ranking_changes(shifted)] == ["fog"]
