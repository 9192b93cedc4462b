"""Own maps in random boxes, against loops over boxes in float64."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest

from rateval.progress import Reporter
from rateval.records.facts import BoxesFacts, ThresholdsFacts
from rateval.stages.judge import judge
from rateval.stages.thresholds import Ruling, thresholds
from rateval.workbench.verdicts.chance import Priors

from .scenes import GRID, VIEW, Scenes, enlarge, make

TAU = 0.3


def count(folder: Path, batch_size: int = 64, *, boxes: bool = True) -> ThresholdsFacts:
    judged, counted = folder.with_name("judged"), folder.with_name("counted")
    for made in (judged, counted):
        made.mkdir(exist_ok=True)
    with Reporter().watch("judge", "") as monitor:
        judge(make(TAU), folder, batch_size, monitor, judged, "cpu")
        ruling, args = Ruling(make(TAU), "v", TAU), (Priors(), batch_size, "cpu", monitor, counted)
        return thresholds(ruling, folder, judged, *args, boxes=boxes)


def in_boxes(folder: Path, batch_size: int = 64) -> BoxesFacts:
    found = count(folder, batch_size).boxes
    assert found is not None
    return found


def size_of(scenes: Scenes, at: int) -> tuple[int, int]:
    """Return the sides of a scene's mask, which is a box."""
    rows = [y for y in range(VIEW[0]) if any(scenes.masks[at][y])]
    columns = [x for x in range(VIEW[1]) if any(scenes.masks[at][:, x])]
    assert len(rows) * len(columns) == int(scenes.masks[at].sum())
    return len(rows), len(columns)


def places(size: tuple[int, int]) -> list[tuple[int, int]]:
    """Return every place of a box inside the view, row by row."""
    down, across = range(VIEW[0] - size[0] + 1), range(VIEW[1] - size[1] + 1)
    return [(top, left) for top in down for left in across]


def share_inside(scenes: Scenes, at: int, place: tuple[int, int], size: tuple[int, int]) -> float:
    heat = enlarge(scenes.maps[at])
    heat = (heat - heat.min()) / (heat.max() - heat.min())
    top, left = place
    return float(heat[top : top + size[0], left : left + size[1]].sum() / heat.sum())


def make_scenes(count: int = 25) -> Scenes:
    """Return scenes whose maps differ between places, some of unknown evidence."""
    scenes = Scenes(count, seed=4)
    scenes.maps = (np.random.default_rng(5).random((count, *GRID)) ** 6).astype(np.float16)
    scenes.present[3] = False
    return scenes


def test_counts_equal_a_loop_over_the_boxes_that_ids_draw(tmp_path: Path) -> None:
    scenes = make_scenes()
    found = in_boxes(scenes.write(tmp_path / "inferred"))
    assert found.per_image == 20
    valid, right = 0, [0, 0]
    for at in range(25):
        if not scenes.present[at]:
            continue
        size = size_of(scenes, at)
        there = places(size)
        for draw in range(20):
            digest = hashlib.sha256(f"rateval box {draw} {scenes.ids[at]}".encode()).hexdigest()
            place = there[int(digest[:32], 16) * len(there) // 2**128]
            share = share_inside(scenes, at, place, size)
            assert abs(share - TAU) > 1e-6  # rounding decides none of them
            valid += share >= TAU
            if scenes.correct[at]:
                right[0] += share >= TAU
                right[1] += 1
    assert (found.every.numerator, found.every.denominator) == (valid, 24 * 20)
    assert (found.right.numerator, found.right.denominator) == tuple(right)
    assert 0 < right[0] < right[1] < 24 * 20


def test_the_share_is_that_over_all_places_but_for_the_draw(tmp_path: Path) -> None:
    scenes = make_scenes(60)
    found = in_boxes(scenes.write(tmp_path / "inferred"))
    expected, variance = [], 0.0
    for at in (at for at in range(60) if scenes.present[at]):
        size = size_of(scenes, at)
        shares = [share_inside(scenes, at, place, size) >= TAU for place in places(size)]
        expected.append(float(np.mean(shares)))
        variance += expected[-1] * (1 - expected[-1]) / 20
    sampled = found.every.numerator / found.every.denominator
    assert abs(sampled - np.mean(expected)) < 3 * np.sqrt(variance) / len(expected)
    assert 0.1 < np.mean(expected) < 0.9


def test_boxes_of_one_image_are_worth_less_than_as_many_images(tmp_path: Path) -> None:
    scenes = make_scenes(60)
    found = in_boxes(scenes.write(tmp_path / "inferred"))
    assert 1 < found.every.worth < found.every.denominator
    assert found.right.worth < found.every.worth


def test_neither_batch_nor_order_decides(tmp_path: Path) -> None:
    scenes = make_scenes()
    shuffled = np.random.default_rng(3).permutation(25).tolist()
    first = in_boxes(scenes.write(tmp_path / "a"))
    second = in_boxes(scenes.write(tmp_path / "b", shuffled), 3)
    assert first.every.numerator == second.every.numerator > 0
    assert first.right.numerator == second.right.numerator
    assert first.every.worth == pytest.approx(second.every.worth)


def test_what_is_left_of_no_object_is_never_valid(tmp_path: Path) -> None:
    scenes = make_scenes(4)
    scenes.masks[:] = False
    found = in_boxes(scenes.write(tmp_path / "inferred"))
    assert (found.every.numerator, found.every.denominator, found.every.undefined) == (0, 60, 60)


def test_who_does_not_ask_for_boxes_has_none(tmp_path: Path) -> None:
    folder = make_scenes().write(tmp_path / "inferred")
    asked = count(folder)
    bare = count(folder, boxes=False)
    assert bare.boxes is None
    assert asked.model_dump(exclude={"boxes"}) == bare.model_dump(exclude={"boxes"})
