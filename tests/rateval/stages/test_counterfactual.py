"""Counterfactual evidence by classifiers of which it is known what they read."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from rateval.api.protocols import Split
from rateval.api.training import Monitor
from rateval.api.values import Sample
from rateval.data.splits import SubsetSplit
from rateval.modelkit.filling import View
from rateval.modelkit.swapping import draw_few
from rateval.stages.counterfactual import counterfactual
from rateval.store import rows as tables
from rateval.tasks.classification import OneOf
from rateval.workbench.cell import Job
from rateval.workbench.donors import Donors, read_donors
from rateval.workbench.edits import Edits, prepare_ahead

SIDE, CLASSES = 32, 3
BOX = slice(8, 20)
COLOURS = np.array([(220, 40, 40), (40, 220, 40), (40, 40, 220)])
Kind = Callable[[torch.Tensor], torch.Tensor]


class Silent(Monitor):
    def begin(self, total: int) -> None:
        pass

    def advance(self, samples: int, note: str = "") -> None:
        pass


class Scenes:
    """Squares of a class's colour, always in one place, on backgrounds of another's."""

    identity = "scenes"

    def __init__(self, count: int, masks: Callable[[int], NDArray[np.bool_] | None]) -> None:
        self.ids = [f"scene {number}" for number in range(count)]
        self.labels = [number % CLASSES for number in range(count)]
        self.behind = [(number // CLASSES) % CLASSES for number in range(count)]
        self._masks = masks

    def __len__(self) -> int:
        return len(self.ids)

    def samples(self, indices: Sequence[int]) -> list[Sample]:
        return [self._draw(int(index)) for index in indices]

    def _draw(self, index: int) -> Sample:
        pixels = np.empty((SIDE, SIDE, 3), dtype=np.uint8)
        pixels[:] = COLOURS[self.behind[index]] // 2
        pixels[BOX, BOX] = COLOURS[self.labels[index]]
        return Sample(
            self.ids[index], Image.fromarray(pixels), self.labels[index], self._masks(index)
        )


def box(index: int) -> NDArray[np.bool_]:
    mask = np.zeros((SIDE, SIDE), dtype=bool)
    mask[BOX, BOX] = True
    return mask


class Plain:
    """A model whose view is the picture itself."""

    card = SimpleNamespace(mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0))

    def preprocess(self, image: Image.Image) -> torch.Tensor:
        return torch.from_numpy(np.array(image)).permute(2, 0, 1).float() / 255

    def preprocess_mask(self, mask: NDArray[np.bool_]) -> torch.Tensor:
        return torch.from_numpy(mask)


def inside(images: torch.Tensor) -> torch.Tensor:
    """Score classes by the colour of the box alone."""
    return 20 * images[:, :, BOX, BOX].mean(dim=(2, 3))


def outside(images: torch.Tensor) -> torch.Tensor:
    """Score classes by the colour of a corner alone."""
    return 20 * images[:, :, 24:, 24:].mean(dim=(2, 3))


def silhouette(images: torch.Tensor) -> torch.Tensor:
    """Say class 1 where there is a step at the box's left side, else class 0, whatever colours."""
    step = (images[:, :, 10:18, 6] - images[:, :, 10:18, 10]).abs().amax(dim=(1, 2))
    found = (step > 0.2).float()
    return torch.stack([1 - found, found, torch.zeros_like(found)], dim=1) * 10


def make_job(kind: Kind, split: Any, batch_size: int = 5) -> Job:
    classifier = SimpleNamespace(model=Plain(), logits=kind)
    return Job(
        cast(Any, classifier),
        cast(Any, None),
        cast(Split, split),
        None,
        OneOf(CLASSES),
        "cpu",
        batch_size,
        2,
    )


def ask(
    kind: Kind, split: Any, folder: Path, whole: Any = None, batch_size: int = 5, **edits: Any
) -> tuple[dict[str, list[Any]], Any]:
    """Return the rows and the facts."""
    folder.mkdir(parents=True)
    given: dict[str, Any] = {"donors": 4, "background": "swap", "object": "inpaint"} | edits
    options = Edits(**given)
    donors = read_donors(
        whole or split, cast(Any, Plain()), View((0,) * 3, (1,) * 3), batch_size=7, readers=2
    )
    job = make_job(kind, split, batch_size)
    batches = prepare_ahead(job, options, donors, View((0,) * 3, (1,) * 3), range(len(split)))
    facts = counterfactual(job, options, donors, batches, Silent(), folder)
    return tables.read_rows(folder).to_pydict(), facts


def test_who_reads_the_object_alone_keeps_to_it(tmp_path: Path) -> None:
    # The square of each is another colour than what is around it, so that the filling changes it.
    scenes = Scenes(36, box)
    rows, facts = ask(inside, scenes, tmp_path / "rows")
    assert rows["id"] == scenes.ids
    assert rows["prediction"] == scenes.labels
    assert rows["kept_on_object"] == [1.0] * 36
    differs = [label != behind for label, behind in zip(scenes.labels, scenes.behind, strict=True)]
    assert [not kept for kept in rows["kept_without_object"]] == differs
    assert min(gap for gap, here in zip(rows["gap"], differs, strict=True) if here) > 0.9
    assert rows["donors"] == [4] * 36
    assert (facts.count, facts.undefined, facts.fewer_donors, facts.pool) == (36, {}, 0, 36)


def test_who_reads_the_background_alone_never_does(tmp_path: Path) -> None:
    scenes = Scenes(36, box)
    rows, _ = ask(outside, scenes, tmp_path / "rows")
    assert rows["prediction"] == scenes.behind
    assert rows["kept_without_object"] == [True] * 36
    # What stays on other backgrounds is what chance leaves: donors with a background alike.
    expected = []
    donors = sorted(range(36), key=lambda at: draw_key(scenes.ids[at]))
    for at in range(36):
        able = [i for i in donors if scenes.labels[i] != scenes.labels[at]]
        lent = [able[i] for i in draw_few(scenes.ids[at], range(len(able)), 4)]
        expected.append(np.mean([scenes.behind[i] == scenes.behind[at] for i in lent]))
    assert rows["kept_on_object"] == pytest.approx(expected)
    assert 0.1 < np.mean(expected) < 0.6


def draw_key(name: str) -> bytes:
    import hashlib

    return hashlib.sha256(f"donor {name}".encode()).digest()


def test_who_reads_silhouettes_gains_nothing_from_the_filling(tmp_path: Path) -> None:
    scenes = Scenes(36, box)
    differs = [a != b for a, b in zip(scenes.labels, scenes.behind, strict=True)]
    rows, _ = ask(silhouette, scenes, tmp_path / "inpainted")
    there = [kept for kept, here in zip(rows["kept_without_object"], differs, strict=True) if here]
    assert there == [False] * len(there)
    # A grey hole has a silhouette of its own.
    rows, _ = ask(silhouette, scenes, tmp_path / "grey", object="grey")
    there = [kept for kept, here in zip(rows["kept_without_object"], differs, strict=True) if here]
    assert there == [True] * len(there)


@pytest.mark.parametrize("batch_size", [1, 3, 40])
def test_neither_batch_nor_shard_nor_limit_matters(tmp_path: Path, batch_size: int) -> None:
    scenes = Scenes(36, box)
    rows, _ = ask(inside, scenes, tmp_path / "all")
    again, _ = ask(inside, scenes, tmp_path / "again", batch_size=batch_size)
    assert again == rows
    chosen = (3, 4, 17, 30)
    shard, _ = ask(inside, SubsetSplit(scenes, chosen, "some"), tmp_path / "some", whole=scenes)
    assert shard == {name: [values[at] for at in chosen] for name, values in rows.items()}


def test_what_nothing_is_known_of_is_counted(tmp_path: Path) -> None:
    kinds = {
        0: None,
        1: np.zeros((SIDE, SIDE), dtype=bool),
        2: np.ones((SIDE, SIDE), dtype=bool),
    }
    rows, facts = ask(
        inside, Scenes(12, lambda i: kinds.get(i, box(i)) if i < 3 else box(i)), tmp_path / "rows"
    )
    reasons = ["no mask", "empty mask", "mask of the whole view"]
    assert rows["undefined"] == [*reasons, *[None] * 9]
    assert facts.undefined == dict.fromkeys(reasons, 1)
    assert facts.pool == 9
    for name in ("kept_on_object", "kept_without_object", "gap"):
        assert [value is None for value in rows[name]] == [True] * 3 + [False] * 9


def test_too_few_donors_are_counted(tmp_path: Path) -> None:
    # Six images: four of another label for each.
    rows, facts = ask(inside, Scenes(6, box), tmp_path / "rows", donors=9)
    assert rows["donors"] == [4] * 6
    assert facts.fewer_donors == 6
    alone = Scenes(7, box)
    alone.labels = [0] * 7
    rows, facts = ask(inside, alone, tmp_path / "alone")
    assert set(rows["undefined"]) == {"no image that lends a background"}
    assert facts.undefined == {"no image that lends a background": 7}


@pytest.mark.parametrize("background", ["grey", "blur"])
def test_backgrounds_may_be_filled_in_place_of_swapped(tmp_path: Path, background: str) -> None:
    scenes = Scenes(12, box)
    rows, _ = ask(inside, scenes, tmp_path / "in", background=background)
    assert rows["kept_on_object"] == [1.0] * 12
    rows, _ = ask(outside, scenes, tmp_path / "out", background=background)
    # Blur leaves the background's colours, which tells nothing; grey is the first class to all.
    expected = [1.0 if background == "blur" or b == 0 else 0.0 for b in scenes.behind]
    assert rows["kept_on_object"] == expected


def test_donors_have_a_mask_of_at_most_three_fifths() -> None:
    def mask(index: int) -> NDArray[np.bool_] | None:
        found = np.zeros((SIDE, SIDE), dtype=bool)
        found[: 19 + index % 3] = True  # 59, 62 and 65 %
        return found

    view = View((0,) * 3, (1,) * 3)
    scenes = cast(Any, Scenes(30, mask))
    donors = read_donors(scenes, cast(Any, Plain()), view, batch_size=4, readers=1)
    assert set(donors.ids) == {f"scene {number}" for number in range(0, 30, 3)}
    few = read_donors(scenes, cast(Any, Plain()), view, batch_size=4, readers=1, size=4)
    assert few.ids == donors.ids[:4]


def test_donors_are_drawn_evenly_and_never_the_image_itself() -> None:
    ids = tuple(map(str, range(10)))
    donors = Donors(ids, np.array([0] * 5 + [1] * 5), torch.zeros(10, 3, 1, 1))
    counts = np.zeros(10)
    for number in range(2000):
        drawn = donors.draw(f"image {number}", 0, 3)
        assert len(set(drawn)) == 3
        counts[drawn] += 1
    assert counts[:5].sum() == 0
    assert counts[5:] / 2000 == pytest.approx(0.6, abs=0.05)
    assert 7 not in donors.draw("7", 0, 9)


def test_masks_that_are_rectangles_are_counted(tmp_path: Path) -> None:
    def mask(index: int) -> NDArray[np.bool_] | None:
        found = box(index)
        if index % 3 == 0:
            found[8, 8] = False  # a corner less is no rectangle
        return found if index else None

    _, facts = ask(inside, Scenes(12, mask), tmp_path / "rows")
    assert (facts.rectangles, facts.undefined) == (8, {"no mask": 1})


def test_answers_that_are_known_are_not_asked_for_again(tmp_path: Path) -> None:
    scenes = Scenes(12, box)
    seen: list[int] = []

    def counted(images: torch.Tensor) -> torch.Tensor:
        seen.append(len(images))
        return inside(images)

    view, options = View((0,) * 3, (1,) * 3), Edits(2, "swap", "inpaint")
    donors = read_donors(cast(Any, scenes), cast(Any, Plain()), view, batch_size=4, readers=1)
    job = make_job(counted, scenes)

    def rows(name: str, predicted: dict[str, tuple[int, str]]) -> dict[str, list[Any]]:
        (tmp_path / name).mkdir()
        seen.clear()
        batches = prepare_ahead(job, options, donors, view, range(12))
        counterfactual(job, options, donors, batches, Silent(), tmp_path / name, predicted)
        found: dict[str, list[Any]] = tables.read_rows(tmp_path / name).to_pydict()
        return found

    known = {name: (label, "") for name, label in zip(scenes.ids, scenes.labels, strict=True)}
    alone = rows("alone", {})
    assert sum(seen) == 12 * 4  # whole, two backgrounds, without the object
    assert rows("known", known) == alone
    assert sum(seen) == 12 * 3
    del known["scene 0"]  # its batch of five is asked about
    assert rows("most", known) == alone
    assert sum(seen) == 12 * 3 + 5
    other = rows("other", dict.fromkeys(scenes.ids, (2, "")))
    assert other["prediction"] == [2] * 12
    assert other["correct"] == [label == 2 for label in scenes.labels]


def test_donors_are_read_as_they_lie_whatever_their_order() -> None:
    scenes = Scenes(30, lambda index: box(index) if index % 2 else None)
    asked: list[int] = []
    draw = scenes._draw

    def note(index: int) -> Sample:
        asked.append(index)
        return draw(index)

    scenes._draw = note  # type: ignore[method-assign]
    given: Any = (scenes, Plain(), View((0,) * 3, (1,) * 3))
    donors = read_donors(*given, batch_size=4, readers=1, size=10)
    order = sorted(range(30), key=lambda at: draw_key(scenes.ids[at]))
    assert list(donors.ids) == [scenes.ids[at] for at in order if at % 2][:10]
    backwards = sum(one > other for one, other in itertools.pairwise(asked))
    assert backwards < 3  # once for each chunk of the pool's size
