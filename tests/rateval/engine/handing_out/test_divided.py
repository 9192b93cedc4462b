"""Steps in shards: which are left, when a step has all of them, and what is told of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from rateval.api import Step
from rateval.engine.handing_out.divided import Divided
from rateval.engine.handing_out.shards import along, cut_inputs, cut_step
from rateval.records.step import Demand
from rateval.store.identity import identify_result


class Monitor:
    def __init__(self) -> None:
        self.totals: list[int] = []
        self.done = 0
        self.notes: list[str] = []

    def begin(self, total: int) -> None:
        self.totals.append(total)

    def advance(self, samples: int, note: str = "") -> None:
        self.done += samples
        self.notes += [note] if note else []


def whole(name: str, units: int = 5, affinity: str | None = None) -> Step:
    demand = Demand(device=True, affinity=affinity)
    return Step("infer", name, name, {"test": name}, ("needed",), demand, units)


def nothing(step: Step) -> bool:
    return False


def take_all(divided: Divided) -> Iterator[Step]:
    while (found := divided.take(nothing)) is not None:
        yield found[0]


def bounds(step: Step) -> tuple[int, int] | None:
    return None if step.shard is None else (step.shard.start, step.shard.stop)


def test_a_step_of_more_units_than_a_shard_has_is_divided() -> None:
    divided = Divided(5)
    assert [divided.takes(whole("a", units)) for units in (4, 5, 6)] == [False, False, True]
    assert not divided.takes(Step("judge", "a", "a", {}))


def test_a_shard_is_a_step_of_its_own_named_by_its_bounds() -> None:
    step = whole("a")
    shards = list(cut_step(step, 2))
    assert [bounds(shard) for shard in shards] == [(0, 2), (2, 4), (4, 5)]
    assert len({step.identity, *(shard.identity for shard in shards)}) == 4
    for shard in shards:
        assert (shard.stage, shard.needs, shard.demand) == (step.stage, step.needs, step.demand)
        assert shard.identity == identify_result("infer", dict(shard.inputs))
        assert shard.shard is not None and shard.shard.whole == step.identity
    # Another size of shards cuts elsewhere; where it doesn't, the shard is the same.
    (first, *_) = cut_step(step, 4)
    assert first.identity not in {shard.identity for shard in shards}
    assert next(cut_step(whole("a", 9), 2)).identity == shards[0].identity


def test_the_whole_is_put_together_once_all_of_its_shards_have_ended() -> None:
    divided, monitor = Divided(2), Monitor()
    divided.add(whole("a"), monitor, ())
    shards = list(take_all(divided))
    assert [bounds(shard) for shard in shards] == [(0, 2), (2, 4), (4, 5)]
    for shard in shards[:2]:
        divided.end(shard)
        assert divided.take(nothing) is None
    divided.end(shards[2])
    (last,) = take_all(divided)
    assert (last.identity, last.shard) == ("a", None)
    assert last.demand == Demand()  # putting together needs no model and no device
    assert divided.take(nothing) is None
    assert divided.close("a") == whole("a")
    assert divided.close("a") is None


def test_shards_that_are_there_are_counted_and_not_done_again() -> None:
    divided, monitor = Divided(2), Monitor()
    first, second, third = cut_step(whole("a"), 2)
    divided.add(whole("a"), monitor, {first.identity, third.identity})
    found = divided.take(nothing)
    assert found is not None and found[0].identity == second.identity
    assert monitor.done == 2
    divided.end(second)
    assert [step.identity for step in take_all(divided)] == ["a"]
    assert (monitor.totals, monitor.done) == ([5], 3)


def test_steps_whose_classifier_is_loaded_come_first() -> None:
    divided = Divided(2)
    divided.add(whole("a", affinity="one"), Monitor(), ())
    divided.add(whole("b", affinity="two"), Monitor(), ())
    found = divided.take(lambda step: step.demand.affinity == "two")
    assert found is not None and found[0].label == "b"
    found = divided.take(nothing)
    assert found is not None and found[0].label == "a"


def test_a_step_that_is_let_go_has_no_shard_left() -> None:
    divided = Divided(2)
    divided.add(whole("a"), Monitor(), ())
    found = divided.take(nothing)
    assert found is not None
    assert divided.close("a") == whole("a")
    divided.end(found[0])
    assert divided.take(nothing) is None


@pytest.mark.parametrize("again", [1, 2])
def test_a_unit_is_told_once_whatever_is_done_again(again: int) -> None:
    divided, monitor = Divided(2), Monitor()
    divided.add(whole("a"), monitor, ())
    while (found := divided.take(nothing)) is not None:
        step, telling = found
        for _ in range(again):
            telling.begin(step.units or 0)
            telling.advance(step.units or 0, "note" if step.shard is None else "")
        if step.shard is not None:
            divided.end(step)
    assert (monitor.totals, monitor.done) == ([5], 5)
    assert monitor.notes == ["note"] * again


def test_what_determines_a_shard_is_what_determines_the_whole_and_its_bounds() -> None:
    step = whole("a")
    assert cut_inputs(step, range(2, 4)) == {"test": "a", "shard": [2, 4]}


def test_shards_of_steps_beside_each_other_are_done_together() -> None:
    divided, monitor = Divided(2), Monitor()
    a, b = whole("a"), whole("b")
    done = {one.identity for one in list(cut_step(b, 2))[1:2]}
    done |= {list(cut_step(one, 2))[2].identity for one in (a, b)}
    divided.add(along([a, b]), monitor, done)
    first, second = take_all(divided)
    assert [(one.label, bounds(one)) for one in (first, *first.beside)] == [
        ("a", (0, 2)),
        ("b", (0, 2)),
    ]
    assert (second.label, bounds(second), second.beside) == ("a", (2, 4), ())
    assert monitor.done == 1  # what is there of both
    divided.end(second)
    assert divided.take(nothing) is None
    divided.end(first)
    assert [(one.identity, one.shard, one.beside) for one in take_all(divided)] == [
        ("a", None, ()),
        ("b", None, ()),
    ]
    assert (divided.close("a"), divided.close("b")) == (a, b)
    assert divided.take(nothing) is None


def test_a_step_that_is_let_go_keeps_none_beside_it_waiting() -> None:
    divided = Divided(2)
    divided.add(along([whole("a"), whole("b")]), Monitor(), ())
    found = divided.take(nothing)
    assert found is not None and len(found[0].beside) == 1
    assert divided.close("a") == whole("a")
    rest = list(take_all(divided))
    assert [(one.label, bounds(one), one.beside) for one in rest] == [
        ("b", (2, 4), ()),
        ("b", (4, 5), ()),
    ]
    for shard in (found[0], *rest):  # also the one whose own step is let go
        divided.end(shard)
    assert [step.identity for step in take_all(divided)] == ["b"]
