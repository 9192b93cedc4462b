"""Each answer is true of what is drawn, and each mask is exactly what it needs."""

from __future__ import annotations

import dataclasses
import hashlib
import re

import numpy as np
import pytest
from numpy.typing import NDArray

from rateval_shapes.objects import OBJECTS, TEXELS, atlas
from rateval_shapes.questions.crowds import (
    Crowds,
    make_crowds,
    pretraining_crowds,
)
from rateval_shapes.questions.drawing import draw_crowds, draw_evidence
from rateval_shapes.questions.facts import CELLS, Facts, Question
from rateval_shapes.questions.words import CLASSES, HUES, TYPES, vocabulary
from rateval_shapes.scenes import SIDE
from rateval_shapes.settings import Style
from rateval_shapes.streams import Stream

DIGEST = "0389b42866573fb77abc432695cd0259dff822047db555c2077dca0ca8eba138"
CLEAR = 14.0
"""Pixels between the centres of objects in different columns or rows, at least."""


def crowds_of(
    count: int, *, bias: float = 0.0, per_image: int = 2, style: Style = "clean", seed: int = 0
) -> Crowds:
    return make_crowds(
        seed, Stream.TEST_QUESTIONS, range(count), per_image=per_image, bias=bias, style=style
    )


def coverage(crowds: Crowds, row: int, cell: int, fine: int = 8) -> NDArray[np.float64]:
    """Measure how much of each pixel an object covers, in float64 and by its own geometry."""
    figures = crowds.figures[cell]
    places = (np.arange(SIDE * fine) + 0.5) / fine
    x, y = np.meshgrid(places - figures.centre[row, 0], places - figures.centre[row, 1])
    cosine, sine = figures.turn[row]
    u = (cosine * x + sine * y) / figures.scale[row]
    v = (cosine * y - sine * x) / figures.scale[row]
    column, line = (np.floor((at + 1.0) * TEXELS / 2).astype(int) for at in (u, v))
    within = (column >= 0) & (column < TEXELS) & (line >= 0) & (line < TEXELS)
    inside = np.zeros(x.shape)
    inside[within] = atlas().codes[figures.kind[row]][line[within], column[within]] > 0
    share: NDArray[np.float64] = inside.reshape(SIDE, fine, SIDE, fine).mean(axis=(1, 3))
    return share


def grow(masks: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Widen masks by one pixel in all eight directions."""
    padded = np.pad(masks, ((0, 0), (1, 1), (1, 1)))
    around = [(down, right) for down in range(3) for right in range(3)]
    moved = [padded[:, down : down + SIDE, right : right + SIDE] for down, right in around]
    return np.asarray(np.any(moved, axis=0))


@dataclasses.dataclass
class Seen:
    """What the drawn pixels say of one object, whatever was decided."""

    name: str
    hue: str
    x: float
    y: float
    mask: NDArray[np.bool_]


def look(crowds: Crowds, row: int, image: NDArray[np.uint8]) -> list[Seen]:
    """Find the objects of a clean image: where they are drawn, and the hue nearest to theirs."""
    found = []
    for cell in np.flatnonzero(crowds.there[row]):
        share = coverage(crowds, row, int(cell))
        mask = share >= 0.5
        y, x = (float(at.mean()) for at in np.nonzero(mask))
        figures = crowds.figures[cell]
        colours = image[share == 1.0].astype(float)
        # The main colour is the brighter one, but of what is black.
        brightness = colours.sum(axis=1)
        ends = [colours[brightness >= np.quantile(brightness, 0.9)].mean(axis=0)]
        ends.append(colours[brightness <= np.quantile(brightness, 0.1)].mean(axis=0))
        dark = ends[0].max() < 130 and np.ptp(ends[0]) < 40
        main = ends[1] if dark else ends[0]
        away = {hue: float(np.abs(main - np.array(rgb)).sum()) for hue, rgb in HUES.items()}
        name = OBJECTS[figures.kind[row]]
        found.append(Seen(name, min(away, key=away.__getitem__), x, y, mask))
    return found


def answer(question: str, seen: list[Seen]) -> tuple[str, list[Seen] | None]:
    """Answer a question by what was seen, reading it anew: the answer, and what it needs."""
    by_name = {one.name: one for one in seen}

    def is_so(one: Seen, direction: str, other: Seen) -> bool:
        away = {"left of": other.x - one.x, "right of": one.x - other.x}
        away |= {"above": other.y - one.y, "below": one.y - other.y}
        return away[direction] > CLEAR

    way = "(left of|right of|above|below)"
    if found := re.fullmatch(r"what colour is the (\w+)\?", question):
        (one,) = [one for one in seen if one.name == found[1]]
        return one.hue, [one]
    if found := re.fullmatch(r"is there a (\w+)\?", question):
        those = [one for one in seen if one.name == found[1]]
        return ("yes" if those else "no"), those or None
    if found := re.fullmatch(rf"is the (\w+) {way} the (\w+)\?", question):
        one, other = by_name[found[1]], by_name[found[3]]
        told = is_so(one, found[2], other)
        assert told or is_so(other, found[2], one), "neither is clearly so"
        return ("yes" if told else "no"), [one, other]
    if found := re.fullmatch(rf"what is {way} the (\w+)\?", question):
        other = by_name[found[2]]
        (one,) = [one for one in seen if is_so(one, found[1], other)]
        return one.name, [one, other]
    if question == "how many objects are there?":
        return str(len(seen)), seen
    found = re.fullmatch(r"how many (\w+) are there\?", question)
    assert found, question
    plurals = {name: "leaves" if name == "leaf" else name + "s" for name in OBJECTS}
    those = [one for one in seen if plurals[one.name] == found[1]]
    assert found[1] in plurals.values()
    return str(len(those)), those or None


def every_question(crowds: Crowds) -> list[tuple[int, Facts, Question]]:
    return [
        (row, facts, question)
        for row, facts in enumerate(crowds.facts)
        for question in facts.questions
    ]


def test_answers_are_true_of_what_is_drawn_and_masks_are_what_they_need() -> None:
    crowds = crowds_of(240)
    images, masks = draw_crowds(crowds)
    seen = [look(crowds, row, images[row]) for row in range(240)]
    for row, facts, question in every_question(crowds):
        told, needed = answer(question.text, seen[row])
        assert told == question.answer, (row, question)
        mask = draw_evidence(facts, question, masks[row])
        if needed is None:
            assert mask is None
            assert question.answer in ("no", "0")
            continue
        assert mask is not None
        union = np.any([one.mask for one in needed], axis=0)
        # Only pixels that an edge nearly halves may differ from the finer measure.
        assert (mask != union).mean() < 0.01
        assert mask.sum() == pytest.approx(union.sum(), rel=0.06)


def test_masks_are_half_coverage_and_objects_never_overlap() -> None:
    crowds = crowds_of(40)
    _, masks = draw_crowds(crowds)
    for row in range(40):
        shares = np.stack([coverage(crowds, row, cell, fine=16) for cell in range(4)])
        shares *= crowds.there[row][:, None, None]
        assert shares.sum(axis=0).max() <= 1.0 + 1e-9
        clear = abs(shares - 0.5) > 0.13
        np.testing.assert_array_equal(masks[row][clear], shares[clear] > 0.5)
        assert clear.mean() > 0.97
    np.testing.assert_array_equal(masks.any(axis=(2, 3)), crowds.there)


def test_image_depends_on_an_object_just_where_its_mask_says() -> None:
    crowds = crowds_of(60)
    images, masks = draw_crowds(crowds)
    for cell in range(4):
        figures = [*crowds.figures]
        figures[cell] = dataclasses.replace(figures[cell], rgb=figures[cell].rgb * 0.5)
        others, same = draw_crowds(dataclasses.replace(crowds, figures=tuple(figures)))
        np.testing.assert_array_equal(masks, same)
        differs = (images != others).any(axis=3)
        assert differs[masks[:, cell]].all()
        touched = np.stack([coverage(crowds, row, cell) > 0 for row in range(60)])
        touched &= crowds.there[:, cell, None, None]
        assert not differs[~grow(touched)].any()


def test_scenes_have_two_to_four_objects_of_a_size_to_be_seen() -> None:
    crowds = crowds_of(600)
    _, masks = draw_crowds(crowds)
    counts = crowds.there.sum(axis=1)
    assert set(counts.tolist()) == {2, 3, 4}
    area = masks.mean(axis=(2, 3))[crowds.there]
    assert area.min() > 0.02
    assert area.max() < 0.25
    assert all(crowds.there[:, at].mean() > 0.5 for at in range(len(CELLS)))


def test_bias_changes_nothing_but_background_and_bound_answers() -> None:
    one, other = crowds_of(100, bias=0.0, per_image=1), crowds_of(100, bias=1.0, per_image=1)
    for at, (left, right) in enumerate(zip(one.facts, other.facts, strict=True)):
        member = at // 12 % 2
        assert left.questions[member].answer == right.questions[member].answer
    assert (one.background != other.background).any()


def test_hard_scenes_show_the_same_objects_in_haze() -> None:
    clean, hard = crowds_of(50), crowds_of(50, style="hard")
    assert clean.facts == hard.facts
    np.testing.assert_array_equal(draw_crowds(clean)[1], draw_crowds(hard)[1])
    assert not clean.noise.any()
    assert hard.noise.min() > 0


def test_pretraining_is_clean_and_on_any_background() -> None:
    crowds = pretraining_crowds(0, range(2000))
    assert not crowds.noise.any()
    assert np.bincount(crowds.background).min() > 150
    told = [
        plan % 2 == (question.answer == "no")
        for plan, facts in zip(crowds.background.tolist(), crowds.facts, strict=True)
        for question in facts.questions
        if question.form in ("presence", "relation")
    ]
    assert np.mean(told) == pytest.approx(0.5, abs=0.04)
    alone = pretraining_crowds(0, [7])
    assert alone.facts[0] == crowds.facts[7]


def test_words_are_those_of_the_vocabulary() -> None:
    words = set(vocabulary())
    for _, _, question in every_question(crowds_of(600)):
        assert set(question.text.replace("?", " ?").split()) <= words
        assert question.answer in words
        assert len(question.text.split()) <= 8
    assert set(CLASSES) <= words
    assert list(CLASSES) == sorted(set(CLASSES))
    assert set(TYPES.values()) == {"colour", "presence", "relation", "count"}


def test_pixels_masks_and_words_are_pinned() -> None:
    digest = hashlib.sha256()
    for crowds in (
        pretraining_crowds(0, range(70)),
        crowds_of(70, bias=0.9, style="hard", seed=2**63 - 1),
        crowds_of(70, bias=0.9, per_image=1),
    ):
        for part in draw_crowds(crowds):
            digest.update(part.tobytes())
        for _, _, question in every_question(crowds):
            digest.update(f"{question.text} {question.answer} {question.about}\n".encode())
    assert digest.hexdigest() == DIGEST, "scenes or questions changed: raise RECIPE, pin anew"
