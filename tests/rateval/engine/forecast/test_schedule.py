"""Time by several workers, beside a clock that goes on second by second."""

from __future__ import annotations

from itertools import permutations

from hypothesis import example, given, settings, strategies as st

from rateval.engine.forecast.schedule import (
    Task,
    divide,
    least_seconds,
    list_schedule,
    longest_path,
)


@st.composite
def plans(draw: st.DrawFn, most: int = 7) -> list[Task]:
    """Tasks of whole seconds, each of which needs some before it."""
    count = draw(st.integers(1, most))
    return [
        Task(
            str(at),
            float(draw(st.integers(1, 4))),
            tuple(map(str, draw(st.sets(st.integers(0, at - 1), max_size=2)))) if at else (),
            device=draw(st.booleans()),
        )
        for at in range(count)
    ]


def tick(tasks: list[Task], workers: int, devices: int | None) -> float:
    """Return the end of a schedule, second by second."""
    left = {task.name: task.seconds for task in tasks}
    running: list[Task] = []
    now = 0.0
    while any(left.values()):
        for task in tasks:
            if len(running) == workers:
                break
            taken = sum(one.device for one in running)
            free = not task.device or devices is None or taken < devices
            begun = task in running or not left[task.name]
            if not begun and free and not any(left[name] for name in task.needs):
                running.append(task)
        now += 1
        for task in running:
            left[task.name] -= 1
        running = [task for task in running if left[task.name]]
    return now


TOGETHER = [
    Task("0", 1.0),
    Task("1", 2.0),
    Task("2", 1.0),
    Task("3", 1.0, needs=("0", "2")),
    Task("4", 1.0, needs=("0", "2")),
    Task("5", 2.0),
]
"""Two end at once, and only both together leave what comes next to two workers."""


@given(plans(), st.integers(1, 3), st.none() | st.integers(1, 2))
@example(TOGETHER, 2, None)
def test_time_is_that_of_a_clock_that_ticks(
    tasks: list[Task], workers: int, devices: int | None
) -> None:
    assert list_schedule(tasks, workers, devices) == tick(tasks, workers, devices)


@settings(max_examples=30)
@given(plans(most=5), st.integers(1, 3))
def test_no_order_of_the_tasks_goes_below_the_bound(tasks: list[Task], workers: int) -> None:
    best = min(tick(list(order), workers, None) for order in permutations(tasks))
    bound = least_seconds(tasks, workers)
    assert bound <= best <= list_schedule(tasks, workers)
    # Graham, Bell System Technical Journal 45 (1966) 1563-1581.
    assert list_schedule(tasks, workers) <= (2 - 1 / workers) * best


def test_one_worker_takes_the_sum_and_many_the_longest_chain() -> None:
    tasks = [Task("a", 2.0), Task("b", 3.0, ("a",)), Task("c", 4.0, ("elsewhere",))]
    assert list_schedule(tasks, 1) == 9.0
    assert list_schedule(tasks, 9) == longest_path(tasks) == 5.0


def test_each_worker_loads_a_model_once() -> None:
    tasks = [Task(str(at), 1.0, loads={"clip": 10.0}) for at in range(4)]
    assert list_schedule(tasks, 1) == 14.0
    assert list_schedule(tasks, 2) == 12.0


def test_shards_spread_and_what_needs_the_whole_waits() -> None:
    tasks = [*divide(Task("a", 8.0), 4), Task("b", 1.0, ("a",))]
    assert list_schedule(tasks, 4) == 3.0
    assert list(divide(Task("a", 8.0), 1)) == [Task("a", 8.0)]
