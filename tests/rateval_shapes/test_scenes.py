"""What the scenes show, and that each is a function of its seed, stream and index alone."""

from __future__ import annotations

import dataclasses
import hashlib

import numpy as np
import pytest
from numpy.typing import NDArray

from rateval_shapes.backgrounds import BACKGROUNDS, materials
from rateval_shapes.captions import describe, vocabulary
from rateval_shapes.drawing import draw_scenes
from rateval_shapes.objects import OBJECTS, TASK_OBJECTS, TEXELS, atlas
from rateval_shapes.scenes import COLOURS, SIDE, Scenes, Style, plan_scenes, pretraining_scenes
from rateval_shapes.streams import Part, Stream, mix, noise_bytes, scene_keys, uniforms

DIGEST = "86a0b1bda46cd9080b1e046a4135a508a96adde0b2ec44ee67c267c10d143e99"


def task_scenes(count: int, bias: float = 0.9, style: Style = "hard", seed: int = 0) -> Scenes:
    return plan_scenes(seed, Stream.TEST, range(count), objects=10, bias=bias, style=style)


def darken(scenes: Scenes) -> Scenes:
    """Halve both colours of every target: mixed pixels darken too, whatever their shares."""
    darker = dataclasses.replace(scenes.target, rgb=scenes.target.rgb * 0.5)
    return dataclasses.replace(scenes, target=darker)


def grow(masks: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Widen masks by one pixel in all eight directions."""
    padded = np.pad(masks, ((0, 0), (1, 1), (1, 1)))
    grown = np.zeros_like(masks)
    for down in range(3):
        for right in range(3):
            grown |= padded[:, down : down + SIDE, right : right + SIDE]
    return grown


def measured_coverage(scenes: Scenes, row: int, fine: int) -> NDArray[np.float64]:
    """Measure the target's coverage of each pixel in float64, by ``fine`` x ``fine`` samples."""
    figures = scenes.target
    places = (np.arange(SIDE * fine) + 0.5) / fine
    x, y = np.meshgrid(places - figures.centre[row, 0], places - figures.centre[row, 1])
    cosine, sine = figures.turn[row]
    u = (cosine * x + sine * y) / figures.scale[row]
    v = (cosine * y - sine * x) / figures.scale[row]
    column = np.floor((u + 1.0) * TEXELS / 2).astype(int)
    line = np.floor((v + 1.0) * TEXELS / 2).astype(int)
    within = (column >= 0) & (column < TEXELS) & (line >= 0) & (line < TEXELS)
    inside = np.zeros(x.shape)
    inside[within] = atlas().codes[figures.kind[row]][line[within], column[within]] > 0
    coverage: NDArray[np.float64] = inside.reshape(SIDE, fine, SIDE, fine).mean(axis=(1, 3))
    return coverage


def test_mix_is_splitmix64() -> None:
    counters = np.arange(1, 4, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    expected = [0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4, 0x06C45D188009454F]
    assert mix(counters).tolist() == expected


def test_uniform_numbers_are_uniform_and_unrelated() -> None:
    keys = scene_keys(0, Stream.TRAIN, range(20_000))
    numbers = np.concatenate(
        [
            uniforms(keys, Part.TARGET, 3),
            uniforms(keys, Part.STYLE, 1),
            uniforms(scene_keys(1, Stream.TRAIN, range(20_000)), Part.TARGET, 1),
            uniforms(scene_keys(0, Stream.TEST, range(20_000)), Part.TARGET, 1),
        ]
    )
    assert numbers.min() >= 0.0
    assert numbers.max() < 1.0
    np.testing.assert_allclose(numbers.mean(axis=1), 0.5, atol=0.01)
    np.testing.assert_allclose(numbers.var(axis=1), 1 / 12, atol=0.002)
    np.testing.assert_allclose(np.corrcoef(numbers), np.eye(6), atol=0.03)


def test_noise_bytes_are_the_low_bytes_first() -> None:
    keys = scene_keys(0, Stream.TEST, [4])
    drawn = noise_bytes(keys, Part.SENSOR, 16)
    again = noise_bytes(keys, Part.SENSOR, 4096)
    assert drawn.shape == (1, 16)
    assert again[:, :16].tolist() == drawn.tolist()
    assert abs(float(again.mean()) - 127.5) < 5.0


def test_objects_stay_within_the_atlas_and_have_two_colours() -> None:
    codes = atlas().codes
    assert len(OBJECTS) == 14
    assert len(TASK_OBJECTS) == 10
    assert len(BACKGROUNDS) == 10
    border = np.ones((TEXELS, TEXELS), dtype=bool)
    border[1:-1, 1:-1] = False
    assert not codes[:, border].any()
    for name, code in zip(OBJECTS, codes, strict=True):
        second = (code == 2).sum() / (code > 0).sum()
        assert 0.08 < second < 0.75, name


def test_materials_repeat_and_use_their_tones() -> None:
    stock = materials(SIDE)
    assert stock.min() >= 0.0
    assert stock.max() <= 1.0
    np.testing.assert_array_equal(stock[:, :SIDE], stock[:, -SIDE:])
    assert (stock.std(axis=(1, 2)) > 0.08).all()


def test_pixels_masks_and_captions_are_pinned() -> None:
    digest = hashlib.sha256()
    for scenes in (
        pretraining_scenes(0, range(70)),
        task_scenes(70, seed=2**63 - 1),
        task_scenes(70, bias=0.0, style="clean"),
    ):
        images, masks = draw_scenes(scenes)
        for part in (images, masks):
            digest.update(part.tobytes())
        digest.update("\n".join(describe(scenes)).encode())
    assert digest.hexdigest() == DIGEST, (
        "the drawing changed: raise RECIPE, pin the new digest and train the tiny models again"
    )


def test_masks_are_half_coverage() -> None:
    scenes = task_scenes(30)
    _, masks = draw_scenes(scenes)
    for row in range(30):
        coverage = measured_coverage(scenes, row, fine=16)
        clear = abs(coverage - 0.5) > 0.13
        np.testing.assert_array_equal(masks[row][clear], coverage[clear] > 0.5)
        assert clear.mean() > 0.97
        assert masks[row].mean() == pytest.approx(coverage.mean(), abs=0.004)


def test_image_depends_on_the_target_just_where_the_mask_says() -> None:
    scenes = task_scenes(200, style="clean")
    images, masks = draw_scenes(scenes)
    others, same = draw_scenes(darken(scenes))
    differs = (images != others).any(axis=3)
    np.testing.assert_array_equal(masks, same)
    assert differs[masks].all()
    assert not differs[~grow(masks)].any()


def test_target_area_is_uniform_between_its_bounds() -> None:
    _, masks = draw_scenes(task_scenes(2000, style="clean"))
    area = masks.mean(axis=(1, 2))
    assert area.min() > 0.10 - 0.005
    assert area.max() < 0.30 + 0.005
    np.testing.assert_allclose(np.quantile(area, [0.25, 0.5, 0.75]), [0.15, 0.20, 0.25], atol=0.008)


def test_targets_lie_anywhere_and_turn_to_both_sides() -> None:
    scenes = task_scenes(2000)
    cosine, sine = scenes.target.turn.T
    np.testing.assert_allclose(cosine * cosine + sine * sine, 1.0, atol=1e-12)
    angle = np.arctan2(sine, cosine)
    assert abs(angle).max() <= 0.4505
    assert angle.min() < -0.44
    assert angle.max() > 0.44
    assert (scenes.target.centre.min(axis=0) < 16).all()
    assert (scenes.target.centre.max(axis=0) > 48).all()


def test_distractors_are_small_far_and_of_another_kind() -> None:
    scenes = task_scenes(2000)
    other, target = scenes.distractor, scenes.target
    assert scenes.crowded.mean() == pytest.approx(0.5, abs=0.04)
    assert (other.kind != target.kind).all()
    assert set(other.kind.tolist()) == set(range(14))
    share = atlas().area[other.kind] * other.scale * other.scale / SIDE**2
    assert share.min() >= 0.0199
    assert share.max() <= 0.0601
    away = abs(other.centre - target.centre).max(axis=1)
    assert np.quantile(away, 0.05) > 14
    near = target.centre < SIDE / 2
    assert (near == (other.centre > SIDE / 2)).mean() > 0.9


def test_distractor_never_covers_the_target() -> None:
    scenes = task_scenes(300, style="clean")
    crowded, masks = draw_scenes(scenes)
    absent = dataclasses.replace(scenes, crowded=np.zeros(300, dtype=np.bool_))
    alone, same = draw_scenes(absent)
    np.testing.assert_array_equal(masks, same)
    changed = (crowded != alone).any(axis=3)
    assert changed.any(axis=(1, 2)).tolist() == scenes.crowded.tolist()
    fully = np.stack([measured_coverage(scenes, row, fine=8) == 1.0 for row in range(300)])
    assert not changed[fully].any()


@pytest.mark.parametrize(("bias", "expected"), [(0.0, 0.1), (0.5, 0.55), (0.9, 0.91), (1.0, 1.0)])
def test_bias_is_how_often_a_class_has_its_own_background(bias: float, expected: float) -> None:
    scenes = task_scenes(6000, bias=bias)
    own = scenes.background == scenes.target.kind
    assert own.mean() == pytest.approx(expected, abs=0.02)
    for kind in range(10):
        assert own[scenes.target.kind == kind].mean() == pytest.approx(expected, abs=0.06)


def test_bias_changes_nothing_but_the_background() -> None:
    biased, unbiased = task_scenes(100, bias=0.9), task_scenes(100, bias=0.0)
    np.testing.assert_array_equal(draw_scenes(biased)[1], draw_scenes(unbiased)[1])
    np.testing.assert_array_equal(biased.target.rgb, unbiased.target.rgb)
    assert (biased.background != unbiased.background).any()


def test_own_palette_has_its_share_and_others_have_two_colours() -> None:
    target = task_scenes(5000).target
    hearts = target.colour[target.kind == OBJECTS.index("heart")]
    names = list(COLOURS)
    own = (hearts == [names.index("red"), names.index("pink")]).all(axis=1)
    assert own.mean() == pytest.approx(0.5, abs=0.07)
    assert (target.colour[:, 0] != target.colour[:, 1]).all()


def test_hard_is_hazy_flat_and_noisy() -> None:
    clean, hard = task_scenes(200, style="clean"), task_scenes(200)
    np.testing.assert_array_equal(draw_scenes(clean)[1], draw_scenes(hard)[1])
    assert clean.gain.tolist() == [1.0] * 200
    assert not clean.noise.any()
    assert hard.gain.max() <= 0.85
    assert hard.noise.min() > 0.0
    quiet = dataclasses.replace(hard, noise=np.zeros(200))
    spread = [draw_scenes(scenes)[0].std(axis=(1, 2, 3)).mean() for scenes in (clean, quiet)]
    assert spread[1] < 0.75 * spread[0]


def test_captions_name_what_is_drawn() -> None:
    scenes = pretraining_scenes(0, range(4000))
    target = scenes.target
    named = {"object": 0, "background": 0, "colour": 0}
    for row, caption in enumerate(describe(scenes)):
        tokens = set(caption.split())
        assert len(caption.split()) <= 14
        assert tokens <= set(vocabulary())
        main, second = (list(COLOURS)[c] for c in target.colour[row])
        assert tokens & set(OBJECTS) <= {OBJECTS[target.kind[row]]}
        assert tokens & set(BACKGROUNDS) <= {BACKGROUNDS[scenes.background[row]]}
        assert tokens & set(COLOURS) in (set(), {main}, {main, second})
        named["object"] += bool(tokens & set(OBJECTS))
        named["background"] += bool(tokens & set(BACKGROUNDS))
        named["colour"] += bool(tokens & set(COLOURS))
    shares = [count / 4000 for count in named.values()]
    assert shares == pytest.approx([0.9, 0.7, 0.45], abs=0.03)
