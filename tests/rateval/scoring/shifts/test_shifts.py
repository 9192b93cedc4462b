"""What shifts change, against float64 computations from made-up images, one after the other."""

from __future__ import annotations

from math import sqrt
from typing import Any

import numpy as np
import pytest
from scipy import stats

from rateval.records.scores.shifts import OrderRecord, ShiftsRecord

Z = float(stats.norm.ppf(0.975))
FALLS = {
    "noise": [(0.6, 0.6), (0.45, 0.5), (0.3, 0.4)],
    "zoom": [(0.68, 0.69), (0.67, 0.7), (0.68, 0.7)],
}
CLEAN = (0.7, 0.7)


def shares(seen: Any, metric: str, of: Any = None) -> tuple[Any, Any]:
    """Return what each image adds to numerator and denominator, of those at positions ``of``."""
    where = np.arange(len(seen.correct)) if seen.positions is None else seen.positions
    chosen = np.ones(len(where), dtype=bool) if of is None else np.isin(where, of)
    right, sound = seen.correct[chosen], seen.valid[chosen]
    below = {"accuracy": np.ones(len(right)), "pt": right, "ir": sound}[metric].astype(float)
    above = right if metric == "accuracy" else right & sound
    return above.astype(float), below


def value(seen: Any, metric: str, of: Any = None) -> float:
    above, below = shares(seen, metric, of)
    return float(above.sum() / below.sum())


def pulls(seen: Any, metric: str, of: Any = None) -> Any:
    above, below = shares(seen, metric, of)
    return (above - above.sum() / below.sum() * below) * len(below) / below.sum()


def wilson(p: float, n: float) -> tuple[float, float]:
    centre, half = p + Z * Z / (2 * n), Z * sqrt(p * (1 - p) / n + (Z / n) ** 2 / 4)
    return (centre - half) / (1 + Z * Z / n), (centre + half) / (1 + Z * Z / n)


def mover(cells: list[Any], weights: list[float], metric: str, of: Any = None) -> list[float]:
    """Return value and limits of a weighted sum, from every pair of its shares."""
    total = sum(w * value(cell, metric, of) for w, cell in zip(weights, cells, strict=True))
    down = up = 0.0
    arms = []
    for w, cell in zip(weights, cells, strict=True):
        p, n = value(cell, metric, of), shares(cell, metric, of)[1].sum()
        low, high = wilson(p, n)
        lower, upper = (p - low, high - p) if w > 0 else (high - p, p - low)
        arms.append((w * lower, w * upper, pulls(cell, metric, of), sqrt(p * (1 - p) / n)))
    for a, b, one, spread in arms:
        for c, d, other, others in arms:
            rho = float(one @ other) / len(one) ** 2 / (spread * others)
            down, up = down + rho * a * c, up + rho * b * d
    return [total, total - sqrt(down), total + sqrt(up)]


def ends(found: Any) -> list[float]:
    return [found.value, found.low, found.high]


def by_method(found: tuple[ShiftsRecord, ...]) -> dict[str, ShiftsRecord]:
    return {one.method.finetuner: one for one in found}


@pytest.fixture
def cells(made_up: Any) -> Any:
    better = {"noise": [(0.7, 0.6)] * 3, "zoom": [(0.8, 0.75)] * 3}
    return made_up.grid({"zs": FALLS, "ft": better}, {"zs": CLEAN, "ft": (0.8, 0.75)})


def test_cells_means_and_trends_equal_a_computation_image_by_image(
    made_up: Any, cells: Any
) -> None:
    found, _ = made_up.Study(cells, groups={"noise": "loud"}).record()
    zs = by_method(found)["zs"]
    assert [(one.kind.type, one.group) for one in zs.types] == [("noise", "loud"), ("zoom", None)]
    assert (zs.family, zs.validator, zs.reference) == ("corruption", "judge", zs.method)
    corrected: dict[str, dict[str, list[Any]]] = {}
    for kind in zs.types:
        assert kind.severities == (1, 2, 3)
        name = kind.kind.type
        of = [cells["zs", None, None]]
        of += [cells["zs", made_up.key_of(name, severity), None] for severity in (1, 2, 3)]
        for severity, shifted in enumerate(kind.shifted, 1):
            for change in shifted.changes:
                expected = mover([of[severity], of[0]], [1, -1], change.metric)
                assert ends(change) == pytest.approx(expected)
                corrected.setdefault(change.metric, {}).setdefault("cell", []).append(change)
        for score in kind.scores:
            assert score.clean == pytest.approx(value(of[0], score.metric))
            assert score.mean == pytest.approx(
                np.mean([value(one, score.metric) for one in of[1:]])
            )
            assert score.change is not None
            assert score.trend is not None
            weights = [-1, 1 / 3, 1 / 3, 1 / 3]
            assert ends(score.change) == pytest.approx(mover(of, weights, score.metric))
            expected = mover([of[3], of[1]], [1, -1], score.metric)
            assert ends(score.trend) == pytest.approx(expected)
            for what, one in (("mean", score.change), ("trend", score.trend)):
                corrected.setdefault(score.metric, {}).setdefault(what, []).append(one)
    for of_metric in corrected.values():
        for alike in of_metric.values():
            ordered = sorted(alike, key=lambda one: one.p)
            least = 0.0
            for rank, one in enumerate(ordered):
                least = max(least, min(1.0, (len(alike) - rank) * one.p))
                assert one.p_corrected == pytest.approx(least)


def test_errors_are_relative_as_imagenet_c_defines_them(made_up: Any, cells: Any) -> None:
    found, _ = made_up.Study(cells).record()
    one = by_method(found)["ft"]
    error = {
        name: 1 - cell.correct.mean()
        for (*name, _), cell in cells.items()
        for name in [tuple(name)]
    }
    values, relative = [], []
    for kind in one.types:
        keys = [made_up.key_of(kind.kind.type, severity) for severity in (1, 2, 3)]
        ours, theirs = (sum(error[method, key] for key in keys) for method in ("ft", "zs"))
        values.append(ours / theirs)
        relative.append((ours - 3 * error["ft", None]) / (theirs - 3 * error["zs", None]))
        assert kind.error.value == pytest.approx(values[-1])
        assert kind.relative_error.value == pytest.approx(relative[-1])
        # Jackknife: the spread of what is left without each image.
        wrong = {
            method: [~cells[method, key, None].correct for key in keys] for method in ("ft", "zs")
        }
        sums = {method: np.sum(rows, axis=0) for method, rows in wrong.items()}
        without = (sums["ft"].sum() - sums["ft"]) / (sums["zs"].sum() - sums["zs"])
        spread = sqrt((399 / 400) * ((without - without.mean()) ** 2).sum())
        assert kind.error.high is not None
        assert (kind.error.high - values[-1]) / Z == pytest.approx(spread, rel=0.01)
    assert one.mean_error.value == pytest.approx(np.mean(values))
    assert one.mean_relative_error.value == pytest.approx(np.mean(relative))
    assert (one.mean_error.types, one.mean_error.of) == (2, 2)
    own = by_method(found)["zs"].mean_error
    assert (own.value, own.low, own.high) == (1, 1, 1)


def test_images_that_a_shift_skips_are_compared_nowhere(made_up: Any, cells: Any) -> None:
    half = np.arange(0, 400, 2)
    name = ("zs", made_up.key_of("noise", 2), None)
    seen = cells[name]
    cells[name] = made_up.Seen(seen.correct[half], seen.valid[half], half)
    zs = by_method(made_up.Study(cells).record()[0])["zs"]
    of = [cells["zs", None, None]]
    of += [cells["zs", made_up.key_of("noise", severity), None] for severity in (1, 2, 3)]
    (score,) = [one for one in zs.types[0].scores if one.metric == "pt"]
    assert score.clean == pytest.approx(value(of[0], "pt", half))
    assert ends(score.change) == pytest.approx(mover(of, [-1, 1 / 3, 1 / 3, 1 / 3], "pt", half))
    assert ends(score.trend) == pytest.approx(mover([of[3], of[1]], [1, -1], "pt"))
    change = zs.types[0].shifted[1].change("pt")
    assert ends(change) == pytest.approx(mover([of[2], of[0]], [1, -1], "pt", half))


def test_what_is_undefined_says_why(made_up: Any, cells: Any) -> None:
    nothing = np.zeros(400, dtype=bool)
    every = ~nothing
    cells["zs", made_up.key_of("noise", 3), None] = made_up.Seen(nothing, every)
    for severity in (1, 2, 3):
        cells["zs", made_up.key_of("zoom", severity), None] = made_up.Seen(every, every)
    del cells["ft", made_up.key_of("zoom", 2), None]
    found = by_method(made_up.Study(cells).record()[0])
    noise, zoom = found["zs"].types
    pt = noise.score("pt")
    assert pt is not None
    told = "undefined at severity 3: nothing is in its denominator"
    assert (pt.change, pt.mean, pt.clean, pt.lacking) == (None, None, None, told)
    assert (pt.trend, pt.trend_lacking) == (None, told)
    assert [one.change("pt") is None for one in noise.shifted] == [False, False, True]
    assert (zoom.error.value, zoom.error.lacking) == (None, "zs makes no error under zoom")
    lacking = "zs errs less often under zoom than on clean images"
    assert (zoom.relative_error.value, zoom.relative_error.lacking) == (None, lacking)
    mean = found["zs"].mean_error
    assert (mean.value, mean.types, mean.of) == (1, 1, 2)
    left = found["ft"].types[1]
    assert [one.shift.severity for one in left.shifted] == [1, 3]
    score = left.score("accuracy")
    assert score is not None
    assert (score.change, score.lacking) == (None, "no result at severity 2")
    assert score.trend is not None
    assert left.error.lacking == "zoom lacks results at some severity"


def test_without_zero_shot_errors_are_relative_to_nothing(made_up: Any) -> None:
    found, _ = made_up.Study(made_up.grid({"ft": FALLS}, {"ft": CLEAN})).record()
    (one,) = found
    assert one.reference is None
    why = "there is no zero-shot method to be relative to"
    assert (one.mean_error.value, one.mean_error.types, one.mean_error.lacking) == (None, 0, why)


def test_a_shift_without_severities_has_a_change_and_no_trend(made_up: Any) -> None:
    cells = {("zs", None, None): made_up.draw(0.7, 0.7)}
    cells["zs", made_up.key_of("grey"), None] = made_up.draw(0.5, 0.6, salt=1)
    ((one,), _) = made_up.Study(cells).record()
    (kind,) = one.types
    assert kind.severities == (None,)
    for score in kind.scores:
        assert ends(score.change) == pytest.approx(ends(kind.shifted[0].change(score.metric)))
        assert (score.trend, score.trend_lacking) == (None, "has one severity only")


def test_clean_cells_alone_and_shifted_ones_alone_say_nothing(made_up: Any) -> None:
    assert made_up.Study({("zs", None, None): made_up.draw(0.7, 0.7)}).record() == ((), ())
    alone = {("zs", made_up.key_of("fog", 1), None): made_up.draw(0.7, 0.7)}
    assert made_up.Study(alone).record() == ((), ())


def orders(found: tuple[OrderRecord, ...], kind: str) -> dict[str, OrderRecord]:
    return {one.metric: one for one in found if one.kind.type == kind}


def test_types_that_change_the_order_of_methods(made_up: Any) -> None:
    sound = [(0.7, 0.7)] * 2
    falls = {"noise": [(0.5, 0.7), (0.4, 0.7)], "zoom": [(0.695, 0.7), (0.69, 0.7)]}
    cells = made_up.grid(
        {"zs": {"noise": sound, "zoom": sound}, "ft": falls, "lp": falls},
        {"zs": (0.7, 0.7), "ft": (0.85, 0.7), "lp": (0.84, 0.7)},
    )
    _, found = made_up.Study(cells).record()
    noise, zoom = orders(found, "noise"), orders(found, "zoom")
    assert {one.metric for one in found} == {"accuracy", "pt", "ir"}
    accuracy = noise["accuracy"]
    assert accuracy.pairs == 3
    assert [(one.first, one.second) for one in accuracy.clear] == [("ft", "zs"), ("lp", "zs")]
    assert zoom["accuracy"].clear == ()

    def of(method: str, severity: int | None) -> Any:
        key = None if severity is None else made_up.key_of("noise", severity)
        return cells[method, key, None]

    change = accuracy.clear[0]
    expected = mover([of("ft", None), of("zs", None)], [1, -1], "accuracy")
    assert ends(change.clean) == pytest.approx(expected)
    under = [of(method, severity) for method in ("ft", "zs") for severity in (1, 2)]
    expected = mover(under, [0.5, 0.5, -0.5, -0.5], "accuracy")
    assert ends(change.shifted) == pytest.approx(expected)
    assert ends(change.clean)[1] > 0 > ends(change.shifted)[2]
    assert change.p == max(change.clean.p or 0, change.shifted.p or 0)
    assert change.p_corrected >= change.p
    values = {
        method: (
            value(of(method, None), "accuracy"),
            np.mean([value(of(method, s), "accuracy") for s in (1, 2)]),
        )
        for method in ("zs", "ft", "lp")
    }
    turned = sum(
        (values[a][0] - values[b][0]) * (values[a][1] - values[b][1]) < 0
        for a, b in (("zs", "ft"), ("zs", "lp"), ("ft", "lp"))
    )
    assert accuracy.in_value == turned - 2


def test_holm_is_for_every_pair_metric_and_type(made_up: Any) -> None:
    sound = [(0.7, 0.7)] * 2
    cells = made_up.grid(
        {"zs": {"noise": sound, "zoom": sound}, "ft": {"noise": [(0.62, 0.7)] * 2, "zoom": sound}},
        {"zs": (0.7, 0.7), "ft": (0.85, 0.7)},
    )
    plain, held = (
        made_up.Study(cells, correction=correction).record()[1] for correction in ("none", "holm")
    )
    (change,) = orders(plain, "noise")["accuracy"].clear
    assert change.p_corrected == change.p
    tests = sum(one.pairs for one in held)
    assert tests == 6
    clear = orders(held, "noise")["accuracy"].clear
    assert [one.p_corrected for one in clear] == [one for one in [change.p * tests] if one <= 0.05]
