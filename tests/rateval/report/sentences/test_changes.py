"""The sentences below a table, against the numbers that they are of."""

from __future__ import annotations

from rateval.records.key import Key
from rateval.records.scores.cell import AssociationRecord, EvidenceRecord, ScoreRecord
from rateval.records.scores.estimate import Estimate, estimate_share
from rateval.report.rows import Block, Row
from rateval.report.sentences.changes import SENTENCES_SHOWN, explain_association, explain_block


def change(value: float, low: float, high: float) -> Estimate:
    return Estimate(value=value, low=low, high=high, over="images", count=40)


def row(finetuner: str, difference: Estimate | None = None, **values: Estimate) -> Row:
    association = None
    if difference is not None:
        valid = estimate_share(10, 40)
        association = AssociationRecord(
            valid=valid, difference=difference, pt_beyond=None, ir_beyond=None
        )
    scores = tuple(
        ScoreRecord(metric=name, heading=name, value=estimate_share(10, 40), change=found)
        for name, found in values.items()
    )
    evidence = EvidenceRecord(
        validator="v", quadrants={}, undefined={}, scores=scores, association=association
    )
    return Row(Key(dataset="d", model="m", finetuner=finetuner, attribution="a"), evidence, "")


def block(
    *rows: Row, attribution: str | None = "a", of_causes: frozenset[str] = frozenset()
) -> Block:
    metrics = {"PT": "PT", "object": "object"}
    return Block("d", attribution, "v", metrics, False, 40, rows, (), (), of_causes)


FALL, NONE = change(-0.2, -0.3, -0.1), change(-0.05, -0.1, 0.01)


def test_association_is_one_line_and_says_where_nothing_is_shown() -> None:
    shown = block(row("zs", change(0.1, 0.03, 0.17)), row("lp"), row("ft", NONE))
    assert list(explain_association(shown)) == [
        "right minus wrong: zs +10.0 (3.0 to 17.0); ft no difference shown (−10.0 to +1.0)"
    ]
    assert list(explain_association(block(row("lp")))) == []
    (line,) = explain_association(block(*(row(f"m{at}", FALL) for at in range(15))))
    assert line.endswith(f"; and {15 - SENTENCES_SHOWN} more rows")


def test_what_is_told_of_causes_stands_below_their_table_alone() -> None:
    ft = row("ft", PT=FALL, object=NONE)
    by_map = block(ft, of_causes=frozenset({"object"}))
    assert list(explain_block(by_map, {}, set())) == ["ft: PT −20.0 (−30.0 to −10.0)"]
    assert list(explain_block(block(ft, attribution=None), {}, set())) == [
        "ft: decides by the object in 25.0 % of its right answers, −20.0 (−30.0 to −10.0); "
        "object no difference shown (−10.0 to +1.0)"
    ]
