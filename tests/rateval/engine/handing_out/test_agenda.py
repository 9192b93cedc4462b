"""Steps come in the order of the plan, each once and after what it needs."""

from __future__ import annotations

from hypothesis import given, strategies as st

from rateval.engine.handing_out.agenda import Agenda
from rateval.records.step import Demand, Step


@st.composite
def graphs(draw: st.DrawFn) -> dict[str, Step]:
    """Steps that need earlier ones, some of them named twice."""
    count = draw(st.integers(1, 12))
    steps = {}
    for place in range(count):
        needs = draw(st.lists(st.integers(0, max(place - 1, 0)), max_size=4)) if place else []
        name = str(place)
        steps[name] = Step("infer", name, name, {}, needs=tuple(map(str, needs)))
    return steps


@given(graphs(), st.data())
def test_each_step_is_taken_once_after_what_it_needs(
    steps: dict[str, Step], data: st.DataObject
) -> None:
    agenda = Agenda(steps)
    failing = {name for name in steps if data.draw(st.booleans())}
    done: list[str] = []
    failed: set[str] = set()
    running: list[str] = []
    while True:
        while (step := agenda.take()) is not None:
            running.append(step.identity)
        if not running:
            break
        name = running.pop(data.draw(st.integers(0, len(running) - 1)))
        if name in failing:
            failed.add(name)
            agenda.drop(name)
        else:
            assert set(steps[name].needs) <= set(done)
            done.append(name)
            agenda.finish(name)
    assert len(done) == len(set(done))
    lost = set(failed)
    for name, step in steps.items():  # needs stand before what needs them
        if lost & set(step.needs):
            lost.add(name)
    assert set(done) == set(steps) - lost


def test_of_several_that_are_ready_the_first_of_the_plan_comes_first() -> None:
    steps = {name: Step("infer", name, name, {}) for name in "abc"}
    agenda = Agenda(steps)
    assert [step.identity for step in iter(agenda.take, None)] == ["a", "b", "c"]


def test_a_step_that_is_preferred_comes_before_others_that_need_something_loaded() -> None:
    def made(name: str, affinity: str | None) -> Step:
        return Step("infer", name, name, {}, demand=Demand(affinity=affinity))

    steps = [made("a", "one"), made("b", "two"), made("c", None), made("d", "two")]
    agenda = Agenda({step.identity: step for step in steps})
    taken = [agenda.take(lambda step: step.demand.affinity == "two") for _ in range(5)]
    assert [step and step.identity for step in taken] == ["b", "d", "a", "c", None]


def test_a_step_is_taken_by_its_name_once_and_after_what_it_needs() -> None:
    steps = {name: Step("infer", name, name, {}) for name in "abc"}
    steps["d"] = Step("judge", "d", "d", {}, needs=("c",))
    agenda = Agenda(steps)
    assert agenda.take_this("b") is steps["b"]
    assert [agenda.take_this(name) for name in ("b", "d", "none")] == [None] * 3
    assert [agenda.take(), agenda.take(), agenda.take()] == [steps["a"], steps["c"], None]
    agenda.finish("c")
    assert agenda.take_this("d") is steps["d"]
    assert agenda.take() is None
