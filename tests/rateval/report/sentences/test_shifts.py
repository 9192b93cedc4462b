"""Sentences on shifts from made-up records: no word that an interval and Holm do not bear."""

from __future__ import annotations

from typing import Any

import pytest

from rateval.records.key import Key
from rateval.records.scores.comparisons import DifferenceRecord
from rateval.records.scores.shifts import (
    MeanErrorRecord,
    OrderChangeRecord,
    OrderRecord,
    RelativeErrorRecord,
    ShiftsRecord,
    ShiftTypeRecord,
    TypeScoreRecord,
)
from rateval.records.shift import ShiftKey
from rateval.report.sentences.shifts import (
    CHANGES_SHOWN,
    explain_errors,
    explain_lacking,
    explain_orders,
    explain_trends,
    name_types,
    tell_trends,
)
from rateval.report.shift_numbers import mark, write_difference

GROUPS = {"gaussian": "noise", "shot": "noise", "zoom": "blur", "glass": "blur"}


def difference(value: float, p: float | None = 0.001, half: float = 0.05) -> DifferenceRecord:
    low, high = (None, None) if p is None else (value - half, value + half)
    about: dict[str, Any] = {"metric": "pt", "few": False, "over": "images"}
    return DifferenceRecord(value=value, low=low, high=high, p=p, p_corrected=p, **about)


def key(method: str) -> Key:
    return Key(dataset="birds", model="clip", finetuner=method, attribution="raw")


def make(
    trends: dict[str, DifferenceRecord | None], method: str = "ft", **more: Any
) -> ShiftsRecord:
    """Return a method with a trend of PT by each type."""
    types = tuple(
        ShiftTypeRecord(
            kind=ShiftKey(family="corruption", type=kind),
            group=GROUPS.get(kind),
            severities=(1, 5),
            shifted=(),
            scores=(
                TypeScoreRecord(
                    metric="pt",
                    heading="PT",
                    clean=0.5,
                    mean=0.4,
                    change=None,
                    trend=trend,
                    lacking=more.get("lacking"),
                ),
            ),
            error=RelativeErrorRecord(value=None, lacking=f"zs makes no error under {kind}"),
            relative_error=RelativeErrorRecord(value=0.5),
        )
        for kind, trend in trends.items()
    )
    return ShiftsRecord(
        method=key(method),
        family="corruption",
        validator="judge",
        reference=key("zs"),
        types=types,
        mean_error=MeanErrorRecord(value=0.9, low=0.8, high=1.0, types=3, of=4),
        mean_relative_error=MeanErrorRecord(value=None, lacking="why", types=0, of=4),
    )


def test_groups_are_told_together_where_all_of_their_types_do_the_same() -> None:
    fall, none = difference(-0.2), difference(-0.01, 0.4)
    whole = make({"gaussian": fall, "shot": fall, "zoom": none, "glass": none})
    told = "PT falls with severity for noise (gaussian, shot), no difference shown for blur"
    assert tell_trends(whole, "PT", 0.95) == told
    parted = make({"gaussian": fall, "shot": none, "zoom": difference(0.2), "other": fall})
    assert tell_trends(parted, "PT", 0.95) == (
        "PT falls with severity for gaussian, other, rises with severity for blur (zoom), "
        "no difference shown for shot"
    )
    assert list(explain_trends([whole], 0.95)) == [f"ft: {told}"]


def test_a_trend_that_holm_does_not_bear_is_not_told_as_one() -> None:
    beside = difference(-0.2).model_copy(update={"p_corrected": 0.06})
    assert tell_trends(make({"fog": beside}), "PT", 0.95) == "PT no difference shown for fog"
    wide = difference(-0.2, half=0.3)
    assert tell_trends(make({"fog": wide}), "PT", 0.95) == "PT no difference shown for fog"
    alone = difference(-0.2, p=None)
    assert tell_trends(make({"fog": alone}), "PT", 0.95) == "PT no difference shown for fog"
    assert tell_trends(make({"fog": None}), "PT", 0.95) == "PT is undefined for fog"
    assert tell_trends(make({"fog": None}), "accuracy", 0.95) == ""


def test_types_in_no_group_are_named_one_by_one() -> None:
    every = [("fog", None), ("snow", None)]
    assert name_types(every, every) == "fog, snow"


def test_relative_errors_are_told_as_of_how_many_types() -> None:
    found = [make({"fog": None}, "zs"), make({"fog": None}, "ft")]
    assert list(explain_errors(found)) == [
        "mCE % of zs: ft 90.0 (80.0 to 100.0; 3 of 4 types)",
        "relative mCE % of zs: ft undefined (0 of 4 types)",
    ]
    assert list(explain_errors(found[:1])) == []
    assert list(explain_lacking(found)) == ["CE: zs makes no error under fog"]


def test_what_is_undefined_is_told_once_with_its_methods() -> None:
    why = "no result at severity 5"
    found = [make({"fog": None}, method, lacking=why) for method in ("ft", "lp")]
    assert f"PT under fog {why} (ft, lp)" in list(explain_lacking(found))
    many = make({f"type{at}": None for at in range(CHANGES_SHOWN + 3)}, lacking=why)
    *_, last = explain_lacking([many])
    left = 2 * (CHANGES_SHOWN + 3) - CHANGES_SHOWN
    assert last == f"and {left} more that are undefined, under shifts in run.json"


def order(changes: int) -> OrderRecord:
    change = OrderChangeRecord(
        first="zs",
        second="ft",
        clean=difference(0.2),
        shifted=difference(-0.1),
        p=0.01,
        p_corrected=0.02,
    )
    return OrderRecord(
        test=key("zs"),
        kind=ShiftKey(family="corruption", type="fog"),
        validator="judge",
        metric="pt",
        heading="PT",
        pairs=6,
        in_value=1,
        clear=(change,) * changes,
    )


def test_clear_changes_of_order_are_told_and_those_in_value_counted() -> None:
    first, last = explain_orders([order(1)])
    assert first == (
        "PT under fog: zs is ahead of ft on clean images +20.0 (15.0 to 25.0), and behind it under "
        "the shift −10.0 (−15.0 to −5.0)"
    )
    assert last == "in value only, pairs of methods by types: PT 1 of 6"
    (none,) = explain_orders([order(0)])
    assert none.startswith("no type changes the order of two methods clearly; in value only")
    assert len(list(explain_orders([order(CHANGES_SHOWN + 5)]))) == CHANGES_SHOWN + 2
    assert list(explain_orders([])) == []


@pytest.mark.parametrize(
    ("value", "p", "text", "sign"),
    [
        (-0.2, 0.01, "−20.0 (−25.0 to −15.0)", "↓"),
        (0.2, 0.01, "+20.0 (15.0 to 25.0)", "↑"),
        (0.01, 0.6, "+1.0 (−4.0 to +6.0)", " "),
        (-0.0001, None, "±0.0", " "),
    ],
)
def test_differences_are_written_with_signs(
    value: float, p: float | None, text: str, sign: str
) -> None:
    found = difference(value, p)
    assert (write_difference(found), mark(found)) == (text, sign)
