"""Runs compared with one another, against float64 computations from the rows of both."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Callable, Mapping
from math import sqrt
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from scipy import stats

import rateval
from rateval.errors import RatevalError
from rateval.records.compare import CompareRecord, PairRecord
from rateval.records.run import RunRecord
from rateval.scoring.across.matching import match_cells

pytestmark = pytest.mark.usefixtures("acme")

Row = dict[str, Any]
Rows = Mapping[str, Row]

BELOW: dict[str, Callable[[Row], Any]] = {
    "accuracy": lambda row: 1,
    "pt": lambda row: row["mask_area"] is not None and row["correct"],
    "ir": lambda row: row["mask_area"] is not None and row["valid"],
}


def above(metric: str, row: Row) -> bool:
    return bool(BELOW[metric](row) and row["correct"] and (metric == "accuracy" or row["valid"]))


def run(
    output: str,
    *,
    finetune: str = 'name = "ft"\nepochs = 2',
    test: int = 96,
    more: str = "",
    run: str = "",
    study: str = "",
    dataset: str = "squares",
    evidence: str = "threshold = 0.25",
) -> RunRecord:
    Path(f"{output}.toml").write_text(
        f"""
        [study]
        name = "{output}"
        {study}
        [[dataset]]
        use = "squares"
        name = {json.dumps(dataset)}
        test = {test}
        bare_every = 4
        [[model]]
        use = "tiny"
        [[finetune]]
        use = "zs"
        [[finetune]]
        use = "ft"
        {finetune}
        lr = 0.003
        batch_size = 8
        [[evidence]]
        use = "relevance-mass"
        {evidence}
        {more}
        [run]
        device = "cpu"
        output = "{output}"
        {run}
        """
    )
    return rateval.run(f"{output}.toml")


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def rows_of(record: RunRecord, method: str, seed: int | None = None) -> Rows:
    (cell,) = [
        cell
        for cell in record.cells
        if cell.key.finetuner == method and seed in (cell.key.seed, None)
    ]
    return {row["id"]: row for row in record.rows(cell).to_pylist()}


def state(row: Row) -> str:
    second = "U" if row["mask_area"] is None else "R" if row["valid"] else "W"
    return ("R" if row["correct"] else "W") + second


def wilson(k: float, n: float, z: float) -> tuple[float, float]:
    centre, half = k + z * z / 2, z * sqrt(k * (n - k) / n + z * z / 4)
    return (centre - half) / (n + z * z), (centre + half) / (n + z * z)


def mover(ours: Rows, theirs: Rows, metric: str, z: float) -> tuple[float, float, float]:
    """Return the difference with its limits, by sums over the ids of both."""
    ids = [name for name in ours if name in theirs]
    y, v = ([float(above(metric, rows[name])) for name in ids] for rows in (ours, theirs))
    d, e = ([float(BELOW[metric](rows[name])) for name in ids] for rows in (ours, theirs))
    n, m = sum(d), sum(e)
    p, q = sum(y) / n, sum(v) / m
    pulls = [(a - p * b) * (s - q * t) for a, b, s, t in zip(y, d, v, e, strict=True)]
    spread = sqrt(p * (1 - p) / n * q * (1 - q) / m)
    rho = sum(pulls) / (n * m) / spread if spread else 0.0
    (low, high), (other_low, other_high) = wilson(sum(y), n, z), wilson(sum(v), m, z)
    down, up = p - low, high - p
    other_down, other_up = q - other_low, other_high - q
    return (
        p - q,
        p - q - sqrt(down**2 + other_up**2 - 2 * rho * down * other_up),
        p - q + sqrt(up**2 + other_down**2 - 2 * rho * up * other_down),
    )


def pair_of(record: CompareRecord, method: str) -> PairRecord:
    (found,) = [pair for pair in record.pairs if pair.candidate.finetuner == method]
    return found


def check(pair: PairRecord, ours: Rows, theirs: Rows, level: float = 0.95) -> None:
    ids = [name for name in ours if name in theirs]
    z = stats.norm.ppf((1 + level) / 2)
    assert [found.metric for found in pair.metrics] == list(BELOW)
    for found in pair.metrics:
        difference = found.difference
        assert difference is not None
        expected = mover(ours, theirs, found.metric, z)
        assert (difference.value, difference.low, difference.high) == pytest.approx(expected)
        for rows, value in ((ours, found.candidate), (theirs, found.baseline)):
            assert value.numerator == sum(above(found.metric, rows[name]) for name in ids)
            assert value.denominator == sum(bool(BELOW[found.metric](rows[n])) for n in ids)
    moves = Counter((state(theirs[name]), state(ours[name])) for name in ids)
    told = {(a, b): n for a, row in pair.transitions.items() for b, n in row.items()}
    assert told == moves
    changed = sorted(name for name in ids if state(ours[name]) != state(theirs[name]))
    assert pair.count == len(ids)
    assert pair.moved == len(changed)
    assert [unit.id for unit in pair.changed] == changed
    for unit in pair.changed:
        assert (unit.baseline, unit.candidate) == (state(theirs[unit.id]), state(ours[unit.id]))


def shuffle(record: RunRecord, method: str) -> None:
    """Write the stored rows of a cell in another order, as another machine's reader might."""
    (cell,) = [cell for cell in record.cells if cell.key.finetuner == method]
    store = record.path.parent / "store"
    places = [store / "infer" / cell.identity, store / "judge" / cell.evidence[0].identity]
    order = np.random.default_rng(3).permutation(cell.count)
    for folder in places:
        table = pq.read_table(folder / "rows.parquet").take(order)
        pq.write_table(table, folder / "rows.parquet")


def test_each_pair_equals_a_computation_from_the_rows_of_both_runs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    baseline, candidate = run("one"), run("two", finetune="epochs = 1", test=96)
    shuffle(candidate, "ft")
    # What is stored is digested; here the order alone was changed on purpose.
    monkeypatch.setattr("rateval.records.results.require_whole", lambda *_: {})
    found = rateval.compare(baseline.path, candidate.path, changed=None)
    assert [pair.candidate.finetuner for pair in found.pairs] == ["zs", "ft"]
    check(pair_of(found, "ft"), rows_of(candidate, "ft"), rows_of(baseline, "ft"))
    same = pair_of(found, "zs")
    assert same.moved == 0
    assert all(one.difference and one.difference.value == 0 for one in same.metrics)
    every = [one.difference for pair in found.pairs for one in pair.metrics if one.difference]
    least = min(every, key=lambda one: one.p or 0)
    assert least.p_corrected == pytest.approx(min(1, len(every) * (least.p or 0)))
    assert ("[[finetune]] ft epochs", 2, 1) in [
        (one.where, one.baseline, one.candidate) for one in found.apart
    ]


def test_a_limited_run_is_compared_on_the_units_of_both() -> None:
    baseline = run("whole")
    candidate = run("part", finetune='name = "short"\nepochs = 1', run="limit = 40")
    found = rateval.compare(baseline, candidate, changed=None, level=0.9)
    assert found.level == 0.9
    pair = pair_of(found, "short")  # the only one that each run trained
    assert pair.baseline.finetuner == "ft"
    check(pair, rows_of(candidate, "short"), rows_of(baseline, "ft"), 0.9)
    assert (pair.count, pair.only_baseline, pair.only_candidate) == (40, 56, 0)
    back = pair_of(rateval.compare(candidate, baseline, changed=2), "ft")
    assert (back.count, back.only_baseline, back.only_candidate) == (40, 0, 56)
    assert len(back.changed) == min(2, back.moved)


def test_seeds_beside_seeds_leave_images_and_seeds_open() -> None:
    baseline = run("one", study="seeds = [0, 1, 2]")
    candidate = run("two", study="seeds = [0, 1, 2]", finetune="epochs = 1")
    pair = pair_of(rateval.compare(baseline, candidate), "ft")
    assert pair.seeds == ((0, 0), (1, 1), (2, 2))
    for found in pair.metrics:
        values, pulls = [], []
        for seed in (0, 1, 2):
            sides = [rows_of(one, "ft", seed) for one in (candidate, baseline)]
            shares, pull = [], 0.0
            for rows, sign in zip(sides, (1, -1), strict=True):
                y = np.array([above(found.metric, row) for row in rows.values()], float)
                d = np.array([bool(BELOW[found.metric](row)) for row in rows.values()], float)
                shares.append(y.sum() / d.sum())
                pull = pull + sign * (y - shares[-1] * d) / d.mean()
            values.append(shares[0] - shares[1])
            pulls.append(pull)
        expected = closed_form(np.array(values), np.array(pulls))
        difference = found.difference
        assert difference is not None
        assert difference.over == "seeds and images"
        assert (difference.value, difference.low, difference.high) == pytest.approx(expected)
        assert found.candidate.count == 3


def closed_form(values: np.ndarray, pulls: np.ndarray) -> tuple[float, float, float]:
    seeds, n = pulls.shape
    shared = pulls.mean(axis=0)
    of_images = (shared**2).sum() / n**2
    left = ((pulls - shared) ** 2).sum() / ((seeds - 1) * n**2)
    of_seeds = values.var(ddof=1) / seeds
    beyond = max(of_images - left / seeds, 0.0)
    variance = of_seeds + beyond
    freedom = variance**2 / (of_seeds**2 / (seeds - 1) + beyond**2 / (n - 1))
    half = stats.t.ppf(0.975, freedom) * sqrt(variance)
    return values.mean(), values.mean() - half, values.mean() + half


def test_other_data_other_verdicts_and_cells_without_a_partner_are_refused() -> None:
    baseline, other = run("one", test=24), run("two", test=36)
    with pytest.raises(RatevalError) as caught:
        rateval.compare(baseline, other)
    text = str(caught.value)
    assert "24 ids are in both" in text
    assert "12 only in the first (" in text
    assert "0 only in the second;" in text
    assert "run one of the studies again on the data of the other" in text
    judged = run("three", test=24, evidence="threshold = 0.5")
    with pytest.raises(RatevalError, match="the other run judges by none of the same"):
        rateval.compare(baseline, judged)
    with pytest.raises(RatevalError, match=r'no cell of .* fits "lora"; there are '):
        rateval.compare(baseline, baseline, pair=[("ft", "lora")])
    with pytest.raises(RatevalError, match="names several cells of one test"):
        rateval.compare(baseline, baseline, pair=[("ft", "*")])
    with pytest.raises(RatevalError, match="two runs or more"):
        rateval.compare(baseline)
    chosen = rateval.compare(baseline, baseline, pair=[("zs", "tiny · ft*")], changed=None)
    check(chosen.pairs[0], rows_of(baseline, "ft"), rows_of(baseline, "zs"))
    (own,) = [c for c in baseline.comparisons if c.method.finetuner == "ft"]
    compared = [one.difference for one in chosen.pairs[0].metrics]
    assert [(d.value, d.low, d.high, d.p) for d in compared if d] == [
        (d.value, d.low, d.high, d.p) for d in own.differences
    ]


def test_clusters_are_those_of_the_baseline() -> None:
    baseline = run("one", test=48, more='[statistics]\ncluster = "class"\nmargin = 0.9')
    found = rateval.compare(baseline, baseline, pair=[("zs", "ft")])
    (own,) = baseline.comparisons
    (pair,) = found.pairs
    compared = [one.difference for one in pair.metrics]
    assert [d.over for d in compared if d] == ["clusters"] * 3
    assert [d.model_dump() for d in compared if d] == [d.model_dump() for d in own.differences]
    assert pair.findings == own.findings != ()
    assert (found.cluster, found.margin) == ("class", 0.9)


def test_another_view_is_refused_unless_it_is_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    baseline = run("one", test=24)
    shutil.copytree("one", "two")
    (folder,) = [path for path in Path("two").iterdir() if path.name != "store"]
    candidate = rateval.load(folder)
    cell = candidate.cells[1]
    rows = folder.parent / "store" / "infer" / cell.identity / "rows.parquet"
    table = pq.read_table(rows)
    at = table.column_names.index("mask_area")
    areas = table.column("mask_area").to_pylist()
    areas = pa.array([None if area is None else area / 2 for area in areas], pa.float32())
    pq.write_table(table.set_column(at, table.schema.field(at), [areas]), rows)
    monkeypatch.setattr("rateval.records.results.require_whole", lambda *_: {})
    with pytest.raises(RatevalError) as caught:
        rateval.compare(baseline, candidate)
    assert "on 18 of 24 units the mask fills another share" in str(caught.value)
    assert "--allow-different-view" in str(caught.value)
    found = rateval.compare(baseline, candidate, different_view=True)
    assert pair_of(found, "zs").other_view == ""
    assert "18 of 24 units" in pair_of(found, "ft").other_view


def test_labels_are_text_and_nothing_else() -> None:
    name = "[bold]a[/bold] {b} *"
    baseline, candidate = run("one", test=12, dataset=name), run("two", test=12, dataset="plain")
    matched = match_cells(candidate, baseline)
    assert [(o.key.dataset, t.key.dataset) for o, t in matched] == [("plain", name)] * 2
    asked = f"tiny · ft on {name}"
    assert match_cells(candidate, baseline, [(asked, "ft")])[0][1].key.dataset == name
