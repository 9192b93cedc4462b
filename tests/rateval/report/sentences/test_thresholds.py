"""The sentences on chance and on thresholds."""

from __future__ import annotations

from typing import Any

import pytest

from rateval.records.key import Key
from rateval.records.scores.cell import EvidenceRecord
from rateval.records.scores.chance import BoxesRecord, ChanceRecord, CrossingRecord, CrossingsRecord
from rateval.records.scores.estimate import Estimate, estimate_share
from rateval.report.rows import Block, Row
from rateval.report.sentences.thresholds import explain_chance, explain_crossings


def key(finetuner: str, model: str = "clip") -> Key:
    return Key(dataset="d", model=model, finetuner=finetuner, attribution="a")


def chance(others: Estimate, centre: int = 312, undefined: int = 1000) -> ChanceRecord:
    return ChanceRecord(
        others=others,
        uniform=estimate_share(0, 1000),
        centre=estimate_share(centre, 1000),
        uniform_undefined=undefined,
    )


def block(*chances: tuple[str, ChanceRecord | None], model: str = "clip") -> Block:
    rows = []
    for place, (finetuner, found) in enumerate(chances):
        evidence = EvidenceRecord(
            validator="v", quadrants={}, undefined={}, scores=(), chance=found
        )
        rows.append(Row(key(finetuner, model if place else "clip"), evidence, ""))
    return Block("d", "a", "v", {}, False, 2, tuple(rows), (), ())


def test_one_row_has_its_chance_with_an_interval() -> None:
    found = estimate_share(256, 2000).model_copy(update={"low": 0.114, "high": 0.144})
    assert list(explain_chance(block(("zs", chance(found, undefined=0)), ("lp", None)))) == [
        "chance: masks call 12.8 % (11.4 to 14.4) of other images' maps valid; a uniform map "
        "0.0 %, the centre 31.2 %"
    ]


def test_several_rows_have_theirs_and_what_is_common_once() -> None:
    bare = Estimate(value=0.5, low=None, high=None, over="seeds", count=1)
    (text,) = explain_chance(block(("zs", chance(bare)), ("lp", chance(bare))))
    assert text == (
        "chance: of other images' maps, masks call valid 50.0 % by zs, 50.0 % by lp; a uniform map "
        "0.0 % (it has no score), the centre 31.2 %"
    )


def test_models_with_other_views_have_other_priors() -> None:
    bare = Estimate(value=0.5, low=None, high=None, over="seeds", count=1)
    two = block(("zs", chance(bare)), ("lp", chance(bare, centre=100)), model="albef")
    (text,) = explain_chance(two)
    assert "50.0 % by clip · zs, 50.0 % by albef · lp" in text
    assert "the centre 31.2 % (clip); a uniform map" in text
    assert text.endswith("the centre 10.0 % (albef)")


def test_random_boxes_are_told_beside() -> None:
    found = chance(estimate_share(1, 4))
    boxes = BoxesRecord(every=estimate_share(3, 10), right=estimate_share(2, 8), per_image=5)
    none = BoxesRecord(every=estimate_share(1, 10), right=estimate_share(0, 0), per_image=5)
    asked = [found.model_copy(update={"boxes": one}) for one in (boxes, none)]
    (_, alone) = explain_chance(block(("zs", asked[0])))
    assert alone == (
        "random boxes call valid 30.0 % (10.8 to 60.3) of the maps, 25.0 % (7.1 to 59.1) of right "
        "answers'"
    )
    (_, text) = explain_chance(block(("zs", asked[0]), ("ft", asked[1]), ("lp", found)))
    assert text == (
        "random boxes call valid by zs 30.0 % (10.8 to 60.3) of the maps, 25.0 % (7.1 to 59.1) of "
        "right answers'; by ft 10.0 % (1.8 to 40.4) of the maps"
    )


def test_many_rows_are_cut() -> None:
    bare = Estimate(value=0.5, low=None, high=None, over="seeds", count=1)
    (text,) = explain_chance(block(*((f"m{at}", chance(bare)) for at in range(15))))
    assert "by m11, and 3 more rows in run.json; a uniform map" in text
    assert "m12" not in text


@pytest.mark.parametrize("found", [None, chance(estimate_share(0, 0))])
def test_no_masks_no_sentence(found: ChanceRecord | None) -> None:
    assert list(explain_chance(block(("zs", found)))) == []


def crossing(**changes: Any) -> CrossingRecord:
    values = {"metric": "PT", "threshold": 0.5, "rises": True}
    return CrossingRecord(**(values | changes))


def test_clear_changes_of_places_are_told_once() -> None:
    clear = {"clear_below": 0.25, "clear_above": 0.625}
    pair = CrossingsRecord(
        method=key("lp"),
        against=key("zs"),
        validator="v",
        asked=True,
        count=4,
        shown=(
            crossing(**clear),
            crossing(threshold=0.6, **clear),
            crossing(metric="IR", rises=False, **clear),
            crossing(threshold=0.1),
        ),
    )
    rows = block(("zs", None), ("lp", None))
    found = {(key("lp"), "v"): [pair], (key("lp"), "other"): [pair]}
    assert list(explain_crossings(rows, found)) == [
        "order by threshold: PT of lp is clearly below that of zs at 0.25, above it at 0.625; "
        "IR of lp is clearly above that of zs at 0.25, below it at 0.625"
    ]
    assert list(explain_crossings(rows, {})) == []
