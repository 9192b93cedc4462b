"""Means and spreads over seeds, against loops of their own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pytest

from rateval.records.key import Key
from rateval.records.scores.cell import CellRecord, ScoreRecord, StoredEvidenceRecord
from rateval.records.scores.estimate import Estimate, spread
from rateval.records.scores.explainers import FaithfulnessRecord, RandomisationRecord
from rateval.scoring.ranking import find_ranking_changes
from rateval.scoring.seeds import summarise_seeds

Values = Mapping[str, Mapping[str, Mapping[int | None, float | None]]]
"""Attribution to method to seed to value."""


def cell(
    finetuner: str,
    seed: int | None,
    value: float | None,
    *,
    change: float | None = None,
    attribution: str = "a",
    correct: int = 1,
    faithfulness: FaithfulnessRecord | None = None,
) -> CellRecord:
    score = ScoreRecord(
        metric="pt",
        heading="PT",
        value=Estimate(
            value=value,
            low=value,
            high=value,
            numerator=0,
            denominator=1,
            over="images",
            count=1,
        ),
        change=None if change is None else over_images(change),
    )
    evidence = StoredEvidenceRecord(
        validator="v",
        identity="e",
        quadrants={"RR": correct, "WW": 10 - correct},
        undefined={},
        scores=(score,),
    )
    return CellRecord(
        key=Key(dataset="d", model="m", finetuner=finetuner, attribution=attribution, seed=seed),
        trained=finetuner != "zs",
        classifier="f",
        identity="i",
        count=10,
        skipped=(),
        skipped_in_training=(),
        evidence=(evidence,),
        faithfulness=faithfulness,
    )


def over_images(value: float, low: float | None = None, high: float | None = None) -> Estimate:
    return Estimate(value=value, low=low, high=high, over="images", count=10)


def cells(values: Values) -> list[CellRecord]:
    """Make a cell per attribution, method and seed."""
    return [
        cell(method, seed, value, attribution=attribution)
        for attribution, methods in values.items()
        for method, by_seed in methods.items()
        for seed, value in by_seed.items()
    ]


def test_a_spread_equals_numpy() -> None:
    values = [0.25, 0.5, 0.3125, 0.9]
    found = spread(values)
    assert found.values == tuple(values)
    assert found.count == 4
    assert found.value == pytest.approx(np.mean(values))
    assert found.sd == pytest.approx(np.std(values, ddof=1))
    assert (found.minimum, found.maximum) == (0.25, 0.9)
    half = 3.182446305 * np.std(values, ddof=1) / 2
    assert (found.low, found.high) == pytest.approx(
        (np.mean(values) - half, np.mean(values) + half)
    )


@pytest.mark.parametrize(
    ("values", "count", "mean"),
    [([None, None], 0, None), ([0.3, None], 1, 0.3), ([0.3], 1, 0.3), ([], 0, None)],
)
def test_below_two_values_there_is_no_spread(
    values: Sequence[float | None], count: int, mean: float | None
) -> None:
    found = spread(values)
    assert (found.count, found.value) == (count, mean)
    assert (found.minimum, found.maximum) == (mean, mean)
    assert (found.sd, found.low, found.high) == (None, None, None)


def test_undefined_values_are_left_out_and_counted() -> None:
    with_gap, without = spread([0.2, None, 0.6]), spread([0.2, 0.6])
    assert with_gap.values == (0.2, None, 0.6)
    assert with_gap.model_dump(exclude={"values"}) == without.model_dump(exclude={"values"})
    assert with_gap.count == 2


def test_cells_that_differ_in_their_seed_only_are_put_together() -> None:
    found = list(
        summarise_seeds(
            [
                cell("zs", None, 0.5, correct=5),
                cell("ft", 3, 0.4, change=-0.1, correct=4),
                cell("ft", 3, 0.9, attribution="b", correct=9),
                cell("ft", 1, 0.2, change=-0.3, correct=1),
            ]
        )
    )
    assert [(r.key.finetuner, r.key.attribution, r.seeds) for r in found] == [
        ("zs", "a", ()),
        ("ft", "a", (3, 1)),
        ("ft", "b", (3,)),
    ]
    zero_shot, tuned, _ = (record.evidence[0] for record in found)
    assert zero_shot.scores[0].value.values == (0.5,)
    assert zero_shot.scores[0].change is None
    assert tuned.quadrants == {"RR": 2.5, "WW": 7.5}
    assert tuned.scores[0].value.value == pytest.approx(0.3)
    assert tuned.scores[0].change is not None
    assert tuned.scores[0].change.values == (-0.1, -0.3)
    assert tuned.scores[0].change.sd == pytest.approx(np.std([-0.1, -0.3], ddof=1))


def test_the_interval_of_a_share_ends_where_shares_do() -> None:
    (found,) = summarise_seeds([cell("ft", seed, one) for seed, one in enumerate([0.98, 0.8])])
    value = found.evidence[0].scores[0].value
    half = 12.706204736 * np.std([0.98, 0.8], ddof=1) / np.sqrt(2)
    assert value.low is not None
    assert value.low == pytest.approx(max(0.0, 0.89 - half))
    assert value.high == 1.0


def test_the_interval_of_a_change_of_shares_ends_at_one() -> None:
    (found,) = summarise_seeds([cell("ft", 0, 0.9, change=-0.9), cell("ft", 1, 0.1, change=-0.1)])
    change = found.evidence[0].scores[0].change
    assert change is not None
    assert (change.low, change.high) == (-1.0, 1.0)


def probed(deletion: float | None, gain: float | None, correlation: float) -> FaithfulnessRecord:
    return FaithfulnessRecord(
        identity="p",
        count=4,
        undefined={},
        deletion=deletion,
        insertion=0.5,
        chance=0.5,
        deletion_gain=None if gain is None else over_images(gain, -9.0, 9.0),
        insertion_gain=None,
        randomisation=RandomisationRecord(correlation=correlation, count=4),
    )


def test_areas_are_averaged_and_gains_get_an_interval_over_the_seeds() -> None:
    runs = [probed(0.2, 0.3, 0.0), probed(0.4, 0.3, 0.5), probed(None, None, 0.1)]
    (found,) = summarise_seeds(
        [cell("ft", seed, 0.5, faithfulness=run) for seed, run in enumerate(runs)]
    )
    areas = found.faithfulness
    assert areas is not None
    assert areas.deletion == pytest.approx(0.3)
    assert areas.insertion == 0.5
    gain = areas.deletion_gain
    assert gain is not None
    assert (gain.value, gain.low, gain.high) == (0.3, 0.3, 0.3)
    assert (gain.over, gain.count, gain.values) == ("seeds", 2, (0.3, 0.3, None))
    assert gain.above_0
    assert areas.insertion_gain is None
    assert areas.randomisation is not None
    assert areas.randomisation.correlation == pytest.approx(0.2)
    assert areas.randomisation.count == 12


def test_one_seed_keeps_the_interval_over_its_images() -> None:
    (found,) = summarise_seeds([cell("ft", 0, 0.5, faithfulness=probed(0.2, 0.3, 0.0))])
    assert found.faithfulness is not None
    assert found.faithfulness.deletion_gain == over_images(0.3, -9.0, 9.0)


def test_ranking_compares_means_over_the_seeds() -> None:
    values: Values = {
        "a": {"zs": {None: 0.5}, "ft": {0: 0.61, 1: 0.62, 2: 0.6}},
        "b": {"zs": {None: 0.5}, "ft": {0: 0.9, 1: 0.2, 2: 0.1}},
    }
    made = cells(values)
    (found,) = find_ranking_changes(list(summarise_seeds(made)))
    assert (found.first_above, found.second_above) == (("b",), ("a",))
