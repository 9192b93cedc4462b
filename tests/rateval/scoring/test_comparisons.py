"""Differences of a run against float64 computations from its rows, image by image."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from itertools import combinations
from math import sqrt
from pathlib import Path
from typing import Any

import pytest
from scipy import stats

import rateval as package
from rateval.errors import SpecError
from rateval.records.run import RunRecord
from rateval.records.scores.cell import CellRecord
from rateval.records.scores.comparisons import ComparisonRecord

pytestmark = pytest.mark.usefixtures("acme")

Rows = dict[str, dict[str, Any]]

BELOW: dict[str, Callable[[dict[str, Any]], Any]] = {
    "accuracy": lambda row: 1,
    "pt": lambda row: row["mask_area"] is not None and row["correct"],
    "ir": lambda row: row["mask_area"] is not None and row["valid"],
}


def above(metric: str, row: dict[str, Any]) -> bool:
    return bool(BELOW[metric](row) and row["correct"] and (metric == "accuracy" or row["valid"]))


def run(changes: str = "", *, seed: str = "") -> RunRecord:
    cameras = json.dumps(["roof", "gate", "yard", "lake", "hill"])
    text = f"""
        [study]
        name = "photos"
        {seed}
        [[dataset]]
        use = "squares"
        test = 120
        bare_every = 4
        groups = {{ camera = {cameras} }}
        [[model]]
        use = "tiny"
        [[finetune]]
        use = "zs"
        [[finetune]]
        use = "ft"
        epochs = 2
        lr = 0.003
        batch_size = 8
        [[finetune]]
        use = "ft"
        name = "short"
        epochs = 1
        lr = 0.003
        batch_size = 8
        [[evidence]]
        use = "relevance-mass"
        threshold = 0.25
        {changes}
        [run]
        device = "cpu"
        """
    Path("spec.toml").write_text(text)
    return package.run("spec.toml")


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def rows_of(record: RunRecord, method: str, seed: int | None = None) -> dict[str, dict[str, Any]]:
    def is_asked(cell: CellRecord) -> bool:
        return cell.key.finetuner == method and seed in (cell.key.seed, None)

    (cell,) = [cell for cell in record.cells if is_asked(cell)]
    return {row["id"]: row for row in record.rows(cell).to_pylist()}


def wilson(k: int, n: int, z: float) -> tuple[float, float]:
    centre, half = k + z * z / 2, z * sqrt(k * (n - k) / n + z * z / 4)
    return (centre - half) / (n + z * z), (centre + half) / (n + z * z)


def mover(
    ours: dict[str, Any], theirs: dict[str, Any], metric: str, z: float
) -> tuple[float, float, float]:
    """Return the difference with its limits, from sums over images that are written out."""
    ids = [name for name in ours if name in theirs]
    y, v = ([float(above(metric, rows[name])) for name in ids] for rows in (ours, theirs))
    d, e = ([float(BELOW[metric](rows[name])) for name in ids] for rows in (ours, theirs))
    n, m = sum(d), sum(e)
    p, q = sum(y) / n, sum(v) / m
    pulls = [(a - p * b) * (s - q * t) for a, b, s, t in zip(y, d, v, e, strict=True)]
    spread = sqrt(p * (1 - p) / n * q * (1 - q) / m)
    rho = sum(pulls) / (n * m) / spread if spread else 0.0
    low, high = wilson(int(sum(y)), int(n), z)
    other_low, other_high = wilson(int(sum(v)), int(m), z)
    down, up = p - low, high - p
    other_down, other_up = q - other_low, other_high - q
    return (
        p - q,
        p - q - sqrt(down**2 + other_up**2 - 2 * rho * down * other_up),
        p - q + sqrt(up**2 + other_down**2 - 2 * rho * up * other_down),
    )


def pair(record: RunRecord, method: str, against: str) -> ComparisonRecord:
    (found,) = [
        found
        for found in record.comparisons
        if (found.method.finetuner, found.against.finetuner) == (method, against)
        and (found.method.seed is None or len(record.seeds) == 1)
    ]
    return found


def test_each_pair_equals_a_computation_from_the_rows() -> None:
    record = run("[statistics]\nlevel = 0.9")
    z = stats.norm.ppf(0.95)
    pairs = [("ft", "zs"), ("short", "zs"), ("short", "ft")]
    assert [(c.method.finetuner, c.against.finetuner) for c in record.comparisons] == pairs
    every: list[float] = []
    for method, against in pairs:
        found = pair(record, method, against)
        ours, theirs = rows_of(record, method), rows_of(record, against)
        for difference in found.differences:
            expected = mover(ours, theirs, difference.metric, z)
            assert (difference.value, difference.low, difference.high) == pytest.approx(expected)
            assert difference.p is not None
            every.append(difference.p)
        assert found.count == 120
        quadrants = {state(row) for row in ours.values()}
        assert quadrants >= {"RR", "RW", "WR", "WW"}, "there must be something to compare"
    (scores,) = [c.evidence[0].scores for c in record.cells if c.key.finetuner == "ft"]
    for score, difference in zip(scores, pair(record, "ft", "zs").differences, strict=True):
        assert score.change is not None
        assert (score.change.low, score.change.high) == (difference.low, difference.high)
        low, high = wilson(score.value.numerator or 0, score.value.denominator or 0, z)
        assert (score.value.low, score.value.high) == pytest.approx((low, high))
    corrected = [d.p_corrected for found in record.comparisons for d in found.differences]
    order = sorted(range(len(every)), key=every.__getitem__)
    for rank, at in enumerate(order):
        before = [min(1.0, every[o] * (len(every) - r)) for r, o in enumerate(order[: rank + 1])]
        assert corrected[at] == pytest.approx(max(before))


def state(row: dict[str, Any]) -> str:
    second = "U" if row["mask_area"] is None else "R" if row["valid"] else "W"
    return ("R" if row["correct"] else "W") + second


def test_transitions_count_each_image_once() -> None:
    record = run()
    ours, theirs = rows_of(record, "ft"), rows_of(record, "zs")
    expected = Counter((state(theirs[name]), state(ours[name])) for name in ours)
    found = pair(record, "ft", "zs").transitions
    assert {(one, other): n for one, row in found.items() for other, n in row.items()} == expected
    assert any("U" in one for one in found)


@pytest.mark.parametrize("cluster", ["class", "camera"])
def test_clusters_take_the_place_of_images(cluster: str) -> None:
    record = run(f'[statistics]\ncluster = "{cluster}"')
    column = "label" if cluster == "class" else "group:camera"
    ours, theirs = rows_of(record, "ft"), rows_of(record, "zs")
    for difference in pair(record, "ft", "zs").differences:
        assert difference.over == "clusters"
        metric = difference.metric
        sums: dict[Any, float] = {}
        shares = []
        for rows, sign in ((ours, 1), (theirs, -1)):
            n = sum(bool(BELOW[metric](row)) for row in rows.values())
            share = sum(above(metric, row) for row in rows.values()) / n
            shares.append(share)
            for row in rows.values():
                pull = (above(metric, row) - share * bool(BELOW[metric](row))) / n
                sums[row[column]] = sums.get(row[column], 0.0) + sign * pull
        k = len(sums)
        error = sqrt(k / (k - 1) * sum(g * g for g in sums.values()))
        half = stats.t.ppf(0.975, k - 1) * error
        value = shares[0] - shares[1]
        assert (difference.value, difference.low, difference.high) == pytest.approx(
            (value, max(-1, value - half), min(1, value + half))
        )
    (cell,) = [cell for cell in record.cells if cell.key.finetuner == "ft"]
    for score in cell.evidence[0].scores:
        own = score.value
        assert own.over == "clusters"
        assert own.low is not None
        assert own.high is not None
        low, high = wilson(own.numerator or 0, own.denominator or 0, stats.norm.ppf(0.975))
        assert own.high - own.low > high - low


def test_a_group_that_is_not_there_is_named_before_anything_is_computed() -> None:
    with pytest.raises(SpecError) as caught:
        run('[statistics]\ncluster = "kamera"')
    assert 'spec.toml: statistics.cluster = "kamera": the test split' in str(caught.value)
    assert 'has no such group, it has camera; did you mean "camera"?' in str(caught.value)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("level = 1.0", "statistics.level = 1.0: must be less than 1"),
        ("level = 95", "statistics.level = 95: must be less than 1"),
        ("margin = 0.0", "statistics.margin = 0.0: must be greater than 0"),
        ('correction = "bonferroni"', "statistics.correction = "),
        ("levels = 0.9", 'statistics.levels: unknown key; did you mean "level"?'),
    ],
)
def test_what_is_wrong_with_statistics_is_said(line: str, told: str) -> None:
    with pytest.raises(SpecError) as caught:
        run(f"[statistics]\n{line}")
    assert told in str(caught.value)


def test_seeds_have_each_pair_by_seed_and_over_the_seeds() -> None:
    record = run(seed="seeds = [0, 1, 2]")
    names = [(c.method.finetuner, c.against.finetuner, c.method.seed) for c in record.comparisons]
    pairs = [("ft", "zs"), ("short", "zs"), ("short", "ft")]
    assert names == [(*names, seed) for seed in (0, 1, 2, None) for names in pairs]
    (over,) = [r for r in record.over_seeds if r.key.finetuner == "ft"]
    for score, difference in zip(
        over.evidence[0].scores, pair(record, "ft", "zs").differences, strict=True
    ):
        assert score.change is not None
        assert difference.over == "seeds and images"
        change = score.change
        assert (change.value, change.low, change.high, change.p) == pytest.approx(
            (difference.value, difference.low, difference.high, difference.p)
        )
        assert score.value.p is None


def test_findings_need_what_they_claim() -> None:
    record = run("[statistics]\nmargin = 0.9\ncorrection = 'none'")
    for found in record.comparisons:
        by_metric = {d.metric: d for d in found.differences}
        assert all(d.p == d.p_corrected for d in found.differences)
        claims = {(f.claim, f.metrics) for f in found.findings}
        for metric in by_metric:  # nothing changes by 90 points
            assert ("no fall", (metric,)) in claims
            assert ("no change", (metric,)) in claims
        pt, ir = by_metric.get("pt"), by_metric.get("ir")
        assert (("PT falls and IR rises", ("pt", "ir")) in claims) == (
            pt is not None
            and ir is not None
            and pt.value < 0 < ir.value
            and max(pt.p or 0, ir.p or 0) <= 0.05
        )
    assert len(list(combinations(("zs", "ft", "short"), 2))) == len(record.comparisons)
    assert not any(f for found in run().comparisons for f in found.findings if f.margin)
