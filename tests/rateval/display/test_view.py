"""The live view, drawn at made-up times of a made-up run."""

from __future__ import annotations

import io
from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import pairwise

import pytest
from rich.cells import cell_len

from rateval.console import Console
from rateval.display.left import Outlook, estimate
from rateval.display.lines import Line, View, draw, gather, wrap
from rateval.display.tally import Tally
from rateval.records.step import Shard, Step, StepEnd


@dataclass
class Clock:
    now: float = 100.0

    def __call__(self) -> float:
        return self.now


def step(name: str, stage: str = "infer", units: int | None = 1000, **more: object) -> Step:
    return Step(stage, f"clip · {name}", name, {}, units=units, **more)  # type: ignore[arg-type]


def cut(whole: Step, start: int, stop: int) -> Step:
    shard = Shard(whole.identity, start, stop)
    return replace(whole, identity=f"{whole.identity} {start}", units=stop - start, shard=shard)


def show(tally: Tally, width: int, encoding: str = "utf-8") -> list[str]:
    stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    shown = Console(file=stream, width=width, force_terminal=True, color_system=None)
    shown.print(View(tally))
    stream.flush()
    assert isinstance(stream.buffer, io.BytesIO)
    return stream.buffer.getvalue().decode(encoding).splitlines()


def begin(tally: Tally, steps: Iterable[Step], units: int = 1000) -> None:
    """Put each step in the hands of a worker of its own."""
    for one in steps:
        tally.open(one.stage, one.label, one.identity).total = units
        tally.hand_out(one)


def work(tally: Tally, clock: Clock, one: Step, units: int, seconds: float) -> None:
    """Let a worker tell of some units after some seconds."""
    clock.now += seconds
    worker = tally.workers[one.identity]
    with tally.telling(worker):
        tally.advance(one.shard.whole if one.shard else one.identity, units, "")


def end(tally: Tally, one: Step, seconds: float) -> None:
    """Let a step end with its result."""
    tally.take_back(one, StepEnd(one.identity, seconds))
    tally.close(one.identity)
    tally.finish(one.identity, reused=False)


@pytest.mark.parametrize("width", [20, 80, 140])
@pytest.mark.parametrize("workers", [1, 6, 7, 64, 500])
@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
def test_lines_are_few_and_none_wraps(width: int, workers: int, encoding: str) -> None:
    clock = Clock()
    tally = Tally(clock)
    stages = ["finetune", "infer", "counterfactual", "judge", "faithfulness", "agree", "score"]
    stages += ["thresholds", "pictures", "of a plugin"]
    steps = [
        step(f"中[b]é…{at} of a very long name of a data set, {'x' * 90}", stages[at % 10])
        for at in range(workers)
    ]
    tally.expect(steps)
    begin(tally, steps)
    for one in steps:
        work(tally, clock, one, 70, 1.0)
    lines = show(tally, width, encoding)
    assert all(cell_len(line) < width for line in lines)
    if width >= 80:
        assert len(lines) <= 9  # a header of two, six of workers, and how many more there are
        assert lines[0].startswith(f"0/{workers:,} steps")


def test_steps_done_along_with_another_share_its_line_and_its_images() -> None:
    clock = Clock()
    tally = Tally(clock)
    steps = [step("last"), step("all"), step("margin")]
    tally.expect(steps)
    for one in steps:
        tally.open("infer", one.label, one.identity)
    first = replace(steps[0], beside=tuple(steps[1:]))
    tally.hand_out(first)
    for _ in range(4):
        clock.now += 2.0
        with tally.telling(tally.workers["last"]):
            for one in steps:
                tally.advance(one.identity, 50, "")
    (line,) = gather(tally)
    assert (line.label, line.done, line.total) == ("clip · last and 2 more", 200, 1000)
    assert line.rate == pytest.approx(25)
    assert tally.costs["infer"].left == 3 * 800
    ends = [StepEnd(one.identity, 10.0) for one in steps]
    tally.take_back(first, replace(ends[0], beside=tuple(ends[1:])))
    assert (tally.costs["infer"].measured, tally.costs["infer"].seconds) == (3000, 30.0)


def test_a_line_for_each_worker_while_they_are_few() -> None:
    clock = Clock()
    tally = Tally(clock)
    whole = step("zs", units=2000)
    tally.expect([whole])
    tally.open("infer", whole.label, "zs")
    shards = [cut(whole, 0, 512), cut(whole, 512, 1024)]
    for shard in shards:
        tally.hand_out(shard)
    for _ in range(3):
        work(tally, clock, shards[0], 40, 2.0)
        work(tally, clock, shards[1], 10, 0.0)
    lines = show(tally, 80)[1:]
    assert [line.split()[-2:] for line in lines] == [["150/2,000", "20/s"], ["150/2,000", "5/s"]]
    tally.take_back(shards[0], StepEnd(shards[0].identity, 6.0))
    tally.hand_out(cut(whole, 1024, 1536))
    assert show(tally, 80)[1].split()[-2:] == ["150/2,000", "begins"]
    wide = show(tally, 140)[1:]
    assert all("[#" in line for line in wide)


def test_many_workers_are_told_by_step_and_then_by_stage() -> None:
    tally = Tally(Clock())
    steps = [step(str(at), units=5000) for at in range(9)]
    tally.expect(steps)
    for one in steps[:2]:
        tally.open("infer", one.label, one.identity).total = 5000
        for at in range(5):
            tally.hand_out(cut(one, 512 * at, 512 * at + 512))
    assert [(line.label, line.workers) for line in gather(tally)] == [
        ("clip · 0", 5),
        ("clip · 1", 5),
    ]
    begin(tally, steps[2:])
    (line,) = gather(tally)
    assert (line.stage, line.label, line.workers, line.done) == ("infer", "9 steps", 17, 0)
    assert line.total == 2 * 5000 + 7 * 1000


def test_steps_are_counted_whatever_becomes_of_them() -> None:
    tally = Tally(Clock())
    steps = [step(str(at)) for at in range(6)]
    tally.expect(steps)
    tally.finish("0", reused=True)
    begin(tally, [steps[1]])
    end(tally, steps[1], 3.0)
    tally.finish("1", reused=False)  # told again
    tally.finish("a model that was loaded", reused=False)
    tally.lose(["2", "3", "4", "3"])
    head = View(tally).summarise()
    assert head[:2] == ["2/6 steps, 1 reused", "1 failed, 2 not done for it"]
    assert tally.costs["infer"].left == 1000


def test_what_is_left_follows_what_was_measured() -> None:
    clock = Clock()
    tally = Tally(clock)
    infer = [step(str(at)) for at in range(4)]
    judge = [step(f"j{at}", "judge", None, needs=(str(at),)) for at in range(4)]
    tally.expect([*infer, *judge])
    outlook = Outlook()
    assert outlook.look(tally) is None
    begin(tally, infer[:1])
    work(tally, clock, infer[0], 100, 30.0)  # loading is no part of what an image costs
    assert outlook.look(tally) is None
    for _ in range(4):
        work(tally, clock, infer[0], 100, 1.0)
    # 3,500 images at 100 a second; of judging nothing is known.
    assert outlook.look(tally) == pytest.approx((35.0, False))
    clock.now += 5
    end(tally, infer[0], 10.0)
    begin(tally, judge[:1])
    end(tally, judge[0], 1.0)
    left = estimate(tally, 1.0)
    assert left == pytest.approx((3000 * 0.01 + 3 * 1.0, True))
    assert estimate(tally, 2.0) == pytest.approx((33.0 / 2, True))
    tally.finish("1", reused=True)
    tally.lose(["2", "j2"])
    assert estimate(tally, 1.0) == pytest.approx((10.0 + 2.0, True))


def test_a_step_that_does_nothing_says_nothing_of_others() -> None:
    tally = Tally(Clock())
    steps = [step(str(at), "finetune", None) for at in range(4)]
    tally.expect(steps)
    begin(tally, steps[:1])
    end(tally, steps[0], 0.01)
    assert estimate(tally, 1.0) is None
    begin(tally, steps[1:2])
    end(tally, steps[1], 9.99)
    assert estimate(tally, 1.0) == pytest.approx((10.0, True))


def test_a_method_that_trains_nothing_says_nothing_of_one_that_does() -> None:
    clock = Clock()
    tally = Tally(clock)
    zero, fit, more = (
        replace(step(name, "finetune", None), inputs={"finetuner": {"component": name[:2]}})
        for name in ("zs", "ft", "ft again")
    )
    tally.expect([zero, fit, more])
    begin(tally, [zero])
    end(tally, zero, 6.0)
    assert estimate(tally, 1.0) is None
    begin(tally, [fit])
    for seconds in (0.0, 5.0, 5.0):
        work(tally, clock, fit, 100, seconds)
    # 700 of 1,000 images are left of one training, and all of the other, at 20 a second.
    assert estimate(tally, 1.0) == pytest.approx((85.0, True))
    tally.take_back(fit, StepEnd("ft", 50.0))
    tally.close("ft")
    tally.finish("ft", reused=False)
    assert estimate(tally, 1.0) == pytest.approx((50.0, True))


def test_units_that_were_there_before_cost_nothing() -> None:
    clock = Clock()
    tally = Tally(clock)
    whole = step("zs", units=2000)
    tally.expect([whole])
    tally.open("infer", whole.label, "zs").total = 2000
    tally.advance("zs", 1000, "")  # shards that an earlier run left
    shard = cut(whole, 1000, 1500)
    tally.hand_out(shard)
    work(tally, clock, shard, 500, 50.0)
    tally.take_back(shard, StepEnd(shard.identity, 50.0))
    assert estimate(tally, 1.0) == pytest.approx((50.0, True))
    rest = cut(whole, 1500, 2000)
    tally.hand_out(rest)
    work(tally, clock, rest, 500, 50.0)
    tally.take_back(rest, StepEnd(rest.identity, 50.0))
    worker = tally.hand_out(whole)
    assert worker.joins
    end(tally, whole, 7.0)
    assert tally.costs["infer"].measured == 1000
    assert tally.costs["infer"].left == 0


def test_the_last_step_is_not_shared_among_workers_that_have_gone() -> None:
    clock = Clock()
    tally = Tally(clock)
    steps = [step(str(at)) for at in range(2)]
    tally.expect(steps)
    begin(tally, steps)
    end(tally, steps[0], 100.0)
    assert estimate(tally, 8.0) == pytest.approx((100.0, True))


def test_what_is_shown_as_left_changes_without_jumps() -> None:
    clock = Clock()
    tally = Tally(clock)
    steps = [step(str(at)) for at in range(102)]
    tally.expect(steps)
    begin(tally, steps[:1])
    end(tally, steps[0], 10.0)
    outlook = Outlook()
    shown = []
    for at in range(1, 100):
        begin(tally, [steps[at]])
        clock.now += 10.0 + 0.5 * (-1) ** at  # a little sooner, a little later
        end(tally, steps[at], 10.0 + 0.5 * (-1) ** at)
        left = outlook.look(tally)
        assert left is not None
        shown.append(left.seconds)
    truth = [10.0 * (102 - at - 1) for at in range(1, 100)]
    assert all(
        abs(one - other) <= max(0.1 * other, 10) for one, other in zip(shown, truth, strict=True)
    )
    assert all(after - before <= 0.1 * after for before, after in pairwise(shown))


def test_a_worker_keeps_its_pace_from_shard_to_shard() -> None:
    clock = Clock()
    tally = Tally(clock)
    whole = step("zs", units=5000)
    tally.expect([whole])
    tally.open("infer", whole.label, "zs").total = 5000
    for at in range(3):
        shard = cut(whole, 100 * at, 100 * at + 100)
        worker = tally.hand_out(shard)
        assert worker.number == 0
        work(tally, clock, shard, 100, 10.0)
        tally.take_back(shard, StepEnd(shard.identity, 10.0))
    assert worker.pace.per_second(clock.now) == pytest.approx(10.0)
    assert worker.pace.per_second(clock.now + 70.0) == pytest.approx(200 / 80)  # it is stuck


def test_a_note_is_shown_where_there_is_room() -> None:
    line = Line("finetune", "clip · ft", 64, 450, None, note="epoch 1/5 loss 2.1", state="works")
    (narrow,), (wide,) = draw([line], 40), draw([line], 120)
    assert "epoch" not in narrow
    assert wide.endswith("epoch 1/5 loss 2.1")


def test_the_header_takes_more_lines_before_it_loses_anything() -> None:
    parts = ["3,072/12,288 steps", "12 failed, 30 not done for it", "3 h 5 min so far", "80 GB"]
    for width in (79, 40, 30):
        rows = wrap(parts, width)
        assert all(cell_len(row) <= width for row in rows)
        assert " · ".join(rows) == " · ".join(parts)


def test_foreign_text_is_no_markup_and_moves_no_cursor() -> None:
    tally = Tally(Clock())
    one = step("[red]x[/]\x1b[2J\n")
    tally.expect([one])
    begin(tally, [one])
    shown = show(tally, 100)
    assert len(shown) == 2
    assert "[red]x[/]" in shown[1]
    assert "\x1b" not in shown[1]
