"""What shifts change over several seeds and over clusters, against float64 computations."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import stats

WEIGHTS = np.array([-1, 0.5, 0.5])
SEEDS = (1, 2, 3)


def make_cells(made_up: Any, seeds: tuple[int, ...], **more: Any) -> Any:
    cells = {}
    for salt, seed in enumerate(seeds):
        for at, (shift, right) in enumerate(((None, 0.8), (1, 0.7), (2, 0.5))):
            key = None if shift is None else made_up.key_of("fog", shift)
            for method, more_right in (("zs", 0.0), ("ft", 0.02 * salt)):
                own = more.get("units_of", {}).get(seed, 0)
                cells[method, key, seed] = made_up.draw(
                    right + more_right, 0.6, seed=own, salt=10 * salt + at + 5 * (method == "ft")
                )
    return cells


def rows(cells: Any, made_up: Any, method: str) -> list[list[Any]]:
    keys = (None, made_up.key_of("fog", 1), made_up.key_of("fog", 2))
    return [[cells[method, key, seed].correct.astype(float) for key in keys] for seed in SEEDS]


def test_seeds_and_images_both_leave_a_mean_open(made_up: Any) -> None:
    cells = make_cells(made_up, SEEDS)
    zs, ft = made_up.Study(cells, seeds=SEEDS).record()[0]
    assert (zs.method.seed, ft.method.seed) == (None, None)
    accuracy = ft.types[0].score("accuracy")
    read = np.array(rows(cells, made_up, "ft"))
    by_seed = read.mean(axis=2) @ WEIGHTS
    pulls = np.einsum("skn,k->sn", read - read.mean(axis=2, keepdims=True), WEIGHTS)
    units, seeds = pulls.shape[1], len(SEEDS)
    shared = pulls.mean(axis=0)
    of_units = (shared**2).sum() / units**2
    of_both = ((pulls - shared) ** 2).sum() / ((seeds - 1) * units**2)
    of_seeds, beyond = by_seed.var(ddof=1) / seeds, max(of_units - of_both / seeds, 0)
    doubt = of_seeds**2 / (seeds - 1) + beyond**2 / (units - 1)
    freedom = (of_seeds + beyond) ** 2 / doubt
    half = stats.t.ppf(0.975, freedom) * np.sqrt(of_seeds + beyond)
    value = by_seed.mean()
    change = accuracy.change
    assert (change.value, change.low, change.high) == pytest.approx(
        (value, value - half, value + half)
    )
    assert change.over == "seeds and images"
    assert accuracy.mean == pytest.approx(read[:, 1:].mean())
    errors = {
        method: 1 - np.array(rows(cells, made_up, method)).mean(axis=2) for method in ("ft", "zs")
    }
    ce = errors["ft"][:, 1:].sum(axis=1) / errors["zs"][:, 1:].sum(axis=1)
    assert ft.mean_error.value == pytest.approx(ce.mean())
    assert ft.mean_error.over == "seeds and images"
    assert ft.types[0].shifted[0].change("accuracy").over == "seeds and images"


def test_one_clean_cell_without_a_seed_goes_with_each(made_up: Any) -> None:
    cells = make_cells(made_up, SEEDS)
    clean = cells["zs", None, 1]
    for seed in SEEDS:
        del cells["zs", None, seed]
    cells["zs", None, None] = clean
    zs, _ = made_up.Study(cells, seeds=SEEDS).record()[0]
    change = zs.types[0].score("accuracy").change
    shifted = [
        cells["zs", made_up.key_of("fog", s), seed].correct.mean() for s in (1, 2) for seed in SEEDS
    ]
    assert change.value == pytest.approx(np.mean(shifted) - clean.correct.mean())


def test_seeds_with_images_of_their_own_have_students_interval(made_up: Any) -> None:
    cells = make_cells(made_up, SEEDS, units_of={seed: seed for seed in SEEDS})
    study = made_up.Study(cells, seeds=SEEDS, tests={seed: f"t{seed}" for seed in SEEDS})
    _, ft = study.record()[0]
    by_seed = np.array(rows(cells, made_up, "ft")).mean(axis=2) @ WEIGHTS
    half = stats.t.ppf(0.975, 2) * by_seed.std(ddof=1) / np.sqrt(3)
    change = ft.types[0].score("accuracy").change
    low, high = by_seed.mean() - half, by_seed.mean() + half
    assert (change.low, change.high, change.over) == (
        pytest.approx(low),
        pytest.approx(high),
        "seeds",
    )
    assert ft.mean_error.over == "seeds"


def test_clusters_take_the_place_of_images(made_up: Any) -> None:
    cells = make_cells(made_up, (1,))
    cluster = np.arange(400) % 8
    for seen in cells.values():
        seen.cluster = cluster
    _, ft = made_up.Study(cells, seeds=(1,)).record()[0]
    read = [
        cells["ft", key, 1].correct for key in (None, *(made_up.key_of("fog", s) for s in (1, 2)))
    ]
    pulls = WEIGHTS @ [one - one.mean() for one in read]
    sums = np.bincount(cluster, pulls) / 400
    half = stats.t.ppf(0.975, 7) * np.sqrt(8 / 7 * (sums**2).sum())
    change = ft.types[0].score("accuracy").change
    assert (change.high - change.low) / 2 == pytest.approx(half)
    assert (change.over, ft.mean_error.over) == ("clusters", "clusters")
