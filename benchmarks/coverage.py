"""How often intervals of PT and IR hold the truth, beside plainer ones, in simulated studies.

Prints four tables of coverages in percent, smallest to largest over scenarios: differences of two
methods on the same units, means over seeds that share their units, differences where units come in
clusters, and the five lowest of twelve classes, all at once. Takes about four
minutes.

    python benchmarks/coverage.py --studies 2000
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from math import sqrt
from statistics import NormalDist

import numpy as np
import pace
from numpy.typing import NDArray

from rateval.stats.clusters import clustered_difference
from rateval.stats.difference import Joint, Share, correlation, difference
from rateval.stats.ratio import Ratio
from rateval.stats.seeds import mean_over_seeds, share_limits, stack_influences
from rateval.stats.student import t_interval
from rateval.stats.wilson import wilson_interval

Table = NDArray[np.float64]
"""(4, 4): the first method's state by the second's, of RR, RW, WR and WW."""

ABOVE = np.array([1.0, 0.0, 0.0, 0.0])
BELOW = {"PT": np.array([1.0, 1.0, 0.0, 0.0]), "IR": np.array([1.0, 0.0, 1.0, 0.0])}
"""Of each state, whether a ratio counts it; above the line both count RR alone."""

METHODS = (
    # accuracy, PT, share of valid evidence among the wrong
    ((0.12, 0.50, 0.30), (0.30, 0.40, 0.30)),
    ((0.55, 0.35, 0.35), (0.90, 0.22, 0.40)),
    ((0.55, 0.80, 0.60), (0.90, 0.75, 0.50)),
    ((0.80, 0.05, 0.05), (0.85, 0.08, 0.10)),
    ((0.80, 0.95, 0.70), (0.85, 0.92, 0.60)),
    ((0.50, 0.50, 0.50), (0.50, 0.50, 0.50)),
    ((0.90, 0.30, 0.20), (0.88, 0.30, 0.20)),
)
AGREEMENT = (0.2, 0.8)
"""How much of the units two methods answer alike by design; with METHODS the 14 scenarios."""


def scenarios() -> Iterator[Table]:
    """Yield the probabilities of two methods' states."""
    for one, other in METHODS:
        for alike in AGREEMENT:
            p, q = (
                np.array([a * pt, a * (1 - pt), (1 - a) * v, (1 - a) * (1 - v)])
                for a, pt, v in (one, other)
            )
            # As much of the diagonal as both marginals allow, and the rest independent.
            shared = alike * np.minimum(p, q)
            rest = 1 - shared.sum()
            yield np.diag(shared) + np.outer(p - shared, q - shared) / rest


def shares(table: Table, metric: str) -> tuple[Share, Share, Joint]:
    """Count both methods' ratios, and what they have in common."""
    below = BELOW[metric]
    rows, columns = table.sum(axis=1), table.sum(axis=0)
    joint = Joint(
        ABOVE @ table @ ABOVE, ABOVE @ table @ below, below @ table @ ABOVE, below @ table @ below
    )
    return Share(ABOVE @ rows, below @ rows), Share(ABOVE @ columns, below @ columns), joint


def intervals(table: Table, metric: str) -> dict[str, tuple[float, float]]:
    """Return the intervals of a difference by each way of making them."""
    one, other, joint = shares(table, metric)
    if not one.denominator or not other.denominator:
        return {}
    rho, value = correlation(one, other, joint), one.value - other.value
    errors = [s.value * (1 - s.value) / s.denominator for s in (one, other)]
    wald = 1.959964 * sqrt(sum(errors))
    delta = 1.959964 * sqrt(max(0.0, sum(errors) - 2 * rho * sqrt(errors[0] * errors[1])))
    apart, paired = difference(one, other), difference(one, other, rho)
    ends = [wilson_interval(s.numerator, s.denominator) for s in (one, other)]
    return {
        "unpaired Wald": (value - wald, value + wald),
        "delta method, paired": (value - delta, value + delta),
        "MOVER, unpaired": (apart.low, apart.high),
        "MOVER, paired": (paired.low, paired.high),
        "two Wilson intervals apart": (
            float(ends[0][0] or 0) - float(ends[1][1] or 0),
            float(ends[0][1] or 0) - float(ends[1][0] or 0),
        ),
    }


def simulate_differences(n: int, studies: int, rng: np.random.Generator) -> dict[str, list[float]]:
    """Return the coverages, one for each scenario and metric, of each kind of interval."""
    found: dict[str, list[float]] = {}
    for table in scenarios():
        drawn = rng.multinomial(n, table.ravel(), size=studies).reshape(-1, 4, 4).astype(float)
        for metric in BELOW:
            one, other, _ = shares(table, metric)
            truth, defined = one.value - other.value, 0
            held: dict[str, int] = {}
            for counts in drawn:
                made = intervals(counts, metric)
                defined += bool(made)
                for name, (low, high) in made.items():
                    held[name] = held.get(name, 0) + (low <= truth <= high)
            for name, count in held.items():
                found.setdefault(name, []).append(100 * count / defined)
    return found


def simulate_seeds(seeds: int, studies: int, rng: np.random.Generator) -> dict[str, list[float]]:
    """Return coverages of PT's mean over seeds on 600 units that all of them share."""
    found: dict[str, list[float]] = {}
    for spread, level in ((0.0, 0.0), (0.2, 0.0), (0.5, 0.5), (1.0, -0.5), (0.3, 1.5)):
        # Ease, shift and noise are normal, so is their sum, which is above 0 this often.
        truth = NormalDist().cdf(level / sqrt(1 + spread**2 + 1))
        held = {"t over seeds": 0, "seeds and units": 0, "pooled Wilson": 0}
        for _ in range(studies):
            ease = rng.normal(0, 1, 600)
            ratios = []
            for shift in rng.normal(0, spread, seeds) if spread else np.zeros(seeds):
                right = (rng.random(600) < 0.8).astype(float)
                valid = ease + shift + level + rng.normal(0, 1, 600) > 0
                ratios.append(Ratio(right * valid, right))
            values = [float(ratio.value or 0) for ratio in ratios]
            ends = {
                "t over seeds": t_interval(values),
                "pooled Wilson": wilson_interval(
                    sum(r.above for r in ratios), sum(r.below for r in ratios)
                ),
            }
            both = mean_over_seeds(values, stack_influences(ratios))
            if both is not None:
                ends["seeds and units"] = (both.low, both.high)
            for name, (low, high) in ends.items():
                held[name] += low is not None and high is not None and low <= truth <= high
        for name, count in held.items():
            found.setdefault(name, []).append(100 * count / studies)
    return found


def simulate_clusters(count: int, studies: int, rng: np.random.Generator) -> dict[str, list[float]]:
    """Return coverages of a difference between methods where 10 units share a cluster's ease."""
    cluster = np.repeat(np.arange(count), 10)
    held = {"clusters ignored": 0, "clusters respected": 0}
    for _ in range(studies):
        ease = rng.beta(1, 1, (2, count))[:, cluster]
        one, other = (
            Ratio((rng.random(len(cluster)) < row).astype(float), np.ones(len(cluster)))
            for row in ease
        )
        alone = difference(Share(one.above, one.below), Share(other.above, other.below))
        held["clusters ignored"] += alone.low <= 0 <= alone.high
        both = clustered_difference(one, other, cluster)
        if both is not None and both.low is not None and both.high is not None:
            held["clusters respected"] += both.low <= 0 <= both.high
    return {name: [100 * number / studies] for name, number in held.items()}


def simulate_classes(n: int, studies: int, rng: np.random.Generator) -> dict[str, list[float]]:
    """Return how often the intervals of all of the five lowest of 12 classes of n units hold."""
    found: dict[str, list[float]] = {}
    levels, labels = np.linspace(-2, 0.5, 12), np.repeat(np.arange(12), n)
    each = 0.95 ** (1 / 12)
    for spread in (0.0, 0.3, 0.6):
        truth = [NormalDist().cdf(level / sqrt(1 + spread**2 + 1)) for level in levels]
        held = {"each on its own": 0, "all at once": 0, "3 seeds, t": 0, "3 seeds, all at once": 0}
        for _ in range(studies):
            ease = levels[labels] + rng.normal(0, 1, 12 * n)
            shifts = rng.normal(0, spread, (3, 12))[:, labels] if spread else np.zeros((3, 12 * n))
            above = (ease + shifts + rng.normal(0, 1, shifts.shape) > 0).astype(float)
            means = above.reshape(3, 12, n).mean(axis=2)
            kept = dict.fromkeys(held, True)
            for at in np.argsort(means[0], kind="stable")[:5]:
                # What one training tells is of its own shift.
                own = float(NormalDist().cdf((levels[at] + shifts[0, at * n]) / sqrt(2)))
                k = float(means[0, at] * n)
                for name, level in (("each on its own", 0.95), ("all at once", each)):
                    low, high = wilson_interval(k, n, level)
                    kept[name] &= float(low or 0) <= own <= float(high or 1)
            for at in np.argsort(means.mean(axis=0), kind="stable")[:5]:
                ratios = [Ratio(row, np.ones(n)) for row in above[:, labels == at]]
                values = means[:, at].tolist()
                both = mean_over_seeds(values, stack_influences(ratios), each)
                low, high = share_limits(float(np.mean(values)), n, 3, both, each)
                kept["3 seeds, all at once"] &= low <= truth[at] <= high
                kept["3 seeds, t"] &= both is not None and both.low <= truth[at] <= both.high
            for name, whole in kept.items():
                held[name] += whole
        for name, count in held.items():
            found.setdefault(name, []).append(100 * count / studies)
    return found


def show(title: str, columns: dict[str, dict[str, list[float]]]) -> None:
    """Print a table in Markdown."""
    print(f"\n| {title} | {' | '.join(columns)} |\n|{'---|' * (len(columns) + 1)}")
    for name in next(iter(columns.values())):
        cells = []
        for found in columns.values():
            low, high = min(found[name]), max(found[name])
            cells.append(f"{low:.1f} to {high:.1f}" if len(found[name]) > 1 else f"{low:.1f}")
        print(f"| {name} | {' | '.join(cells)} |")


def main() -> None:
    """Simulate and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--studies", type=int, default=2000)
    options = parser.parse_args()
    rng = np.random.default_rng(2412)
    begun = time.perf_counter()
    columns = {}
    for n in (100, 600, 5000):
        columns[f"n = {n:,}"] = simulate_differences(n, options.studies, rng)
        pace.tell(f"differences, n = {n:,}: {time.perf_counter() - begun:.0f} s")
    show("differences of PT and IR", columns)
    columns = {}
    for seeds in (3, 5, 10):
        columns[f"S = {seeds}"] = simulate_seeds(seeds, options.studies // 2, rng)
        pace.tell(f"seeds, S = {seeds}: {time.perf_counter() - begun:.0f} s")
    show("means over seeds, 600 units", columns)
    columns = {}
    for count in (10, 100, 1000):
        columns[f"K = {count:,}"] = simulate_clusters(count, options.studies // 2, rng)
        pace.tell(f"clusters, K = {count:,}: {time.perf_counter() - begun:.0f} s")
    show("differences, 10 units in each of K clusters", columns)
    columns = {}
    for n in (10, 20, 60):
        columns[f"n = {n}"] = simulate_classes(n, options.studies // 2, rng)
        pace.tell(f"classes, n = {n}: {time.perf_counter() - begun:.0f} s")
    show("the five lowest of 12 classes of n units", columns)


if __name__ == "__main__":
    main()
