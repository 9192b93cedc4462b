"""How often a gate passes what is exactly at its bound, and what lies a little beyond it.

Prints, in percent of simulated candidates, how often each kind of requirement passes at the bound,
where 5 % may, and at some distances on its good side: its power. Beside it, how often it fails what
is exactly at the bound. Takes some minutes.

    python benchmarks/gate.py --candidates 1000
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np
import pace

from rateval.records.gate import Outcome, Rule
from rateval.scoring.gate.changes import find_change
from rateval.scoring.gate.deciding import Check, decide
from rateval.scoring.gate.finding import Asked, Found, find_share, find_value, find_worst
from rateval.scoring.gate.reading import Counted
from rateval.stats.ratio import Ratio

LEVEL = 0.95
DISTANCES = (0.0, 0.01, 0.02, 0.05, 0.10)
"""Of the truth beyond the bound, on the good side."""

Draw = Callable[[np.random.Generator, int, float], Found]
"""From images and a distance to what is known of one candidate."""


def counted(numerator: np.ndarray, denominator: np.ndarray) -> Counted:
    """Return a metric by images that are numbered in their order."""
    n = len(numerator)
    ids = np.char.zfill(np.arange(n).astype(str), 6)
    ratio = Ratio(numerator.astype(float), denominator.astype(float))
    return Counted(ids, ratio, np.zeros(n, np.int64), None)


def at_least(bound: float) -> Draw:
    """Draw candidates whose share lies so far above the bound."""

    def draw(rng: np.random.Generator, n: int, distance: float) -> Found:
        return find_share(rng.binomial(n, bound + distance), n, n, Asked(bound, LEVEL))

    return draw


def accuracy_drop(margin: float, flips: float) -> Draw:
    """Draw an accuracy of 80 % that drops by the margin less the distance.

    ``flips`` of the images get better, and as many, more by the drop, get worse.
    """

    def draw(rng: np.random.Generator, n: int, distance: float) -> Found:
        before = rng.random(n) < 0.8
        drop = margin - distance
        better, worse = flips + max(0.0, -drop), flips + max(0.0, drop)
        chance = rng.random(n)
        after = np.where(before, chance >= worse / 0.8, chance < better / 0.2)
        pair = (counted(after, np.ones(n)), counted(before, np.ones(n)))
        return find_change([pair], Asked(-margin, LEVEL), shared=True)

    return draw


def pt_drop(margin: float, alike: float) -> Draw:
    """Draw a PT of 50 % that drops by the margin less the distance, at accuracies of 80 and 85 %.

    ``alike`` of the images have both verdicts from one draw.
    """

    def draw(rng: np.random.Generator, n: int, distance: float) -> Found:
        same = rng.random(n) < alike
        ease = rng.random((2, n))
        own = np.where(same, ease, rng.random((2, n)))
        right, now = ease[0] < 0.8, own[0] < 0.85
        valid, valid_now = ease[1] < 0.5, own[1] < 0.5 - margin + distance
        pair = (counted(now & valid_now, now), counted(right & valid, right))
        return find_change([pair], Asked(-margin, LEVEL), shared=True)

    return draw


def pt_drop_over_seeds(margin: float) -> Draw:
    """Draw three seeds whose PT differ by a standard deviation of about 2 points."""

    def draw(rng: np.random.Generator, n: int, distance: float) -> Found:
        ease = rng.random(n)
        right, valid = rng.random(n) < 0.8, ease < 0.5
        before = counted(right & valid, right)
        pairs = []
        for shift in rng.normal(0, 0.02, 3):
            own = np.where(rng.random(n) < 0.5, ease, rng.random(n))
            valid_now = own < 0.5 - margin + distance + shift
            pairs.append((counted(right & valid_now, right), before))
        return find_change(pairs, Asked(-margin, LEVEL), shared=True)

    return draw


def by_class(bound: float, classes: int) -> Draw:
    """Draw classes of one size, one of them so far above the bound, the others 30 points."""

    def draw(rng: np.random.Generator, n: int, distance: float) -> Found:
        each = n // classes
        truth = np.full(classes, bound + 0.3)
        truth[0] = bound + distance
        parts = []
        for at, share in enumerate(truth):
            right = (rng.random(each) < share).astype(float)
            parts.append((str(at), [Ratio(right, np.ones(each))]))
        return find_worst(parts, n, Asked(bound, LEVEL), highest=False)

    return draw


def at_least_by_cluster(bound: float, clusters: int) -> Draw:
    """Draw clusters of which each has an ease of its own."""

    def draw(rng: np.random.Generator, n: int, distance: float) -> Found:
        mean = bound + distance
        own = np.repeat(rng.beta(4 * mean, 4 * (1 - mean), clusters), n // clusters)
        right = (rng.random(len(own)) < own).astype(float)
        cluster = np.repeat(np.arange(clusters), n // clusters)
        ids = np.arange(len(own)).astype(str)
        one = Counted(ids, Ratio(right, np.ones(len(own))), cluster, cluster)
        return find_value([one], Asked(bound, LEVEL), shared=False)

    return draw


KINDS: dict[str, tuple[Rule, float, Draw]] = {
    "accuracy at least 80 %": ("at_least", 0.8, at_least(0.8)),
    "PT at least 30 %": ("at_least", 0.3, at_least(0.3)),
    "accuracy at least 80 %, 100 clusters": ("at_least", 0.8, at_least_by_cluster(0.8, 100)),
    "worst of 10 classes at least 50 %": ("at_least", 0.5, by_class(0.5, 10)),
    "accuracy drops at most 2 points, few flips": ("drop_at_most", 0.02, accuracy_drop(0.02, 0.0)),
    "accuracy drops at most 2 points": ("drop_at_most", 0.02, accuracy_drop(0.02, 0.05)),
    "PT drops at most 5 points, half alike": ("drop_at_most", 0.05, pt_drop(0.05, 0.5)),
    "PT drops at most 5 points, alike": ("drop_at_most", 0.05, pt_drop(0.05, 1.0)),
    "PT drops at most 5 points, 3 seeds": ("drop_at_most", 0.05, pt_drop_over_seeds(0.05)),
}


def outcomes(
    kind: str, n: int, distance: float, candidates: int, rng: np.random.Generator
) -> dict[Outcome, float]:
    """Return how often a gate of one requirement ends in each way, in percent."""
    rule, bound, draw = KINDS[kind]
    ended: dict[Outcome, float] = dict.fromkeys(("passed", "failed", "undecided"), 0.0)
    for _ in range(candidates):
        (one,) = decide([Check(rule, bound, draw(rng, n, distance))], LEVEL, "interval")
        ended[one.outcome] += 100 / candidates
    return ended


def main() -> None:
    """Simulate and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--candidates", type=int, default=1000)
    options = parser.parse_args()
    rng = np.random.default_rng(14)
    begun = time.perf_counter()
    for n in (200, 1000, 5000):
        heads = " | ".join(f"{100 * d:g} points" for d in DISTANCES[1:])
        print(f"\n| {n:,} images | fails at the bound | passes at the bound | {heads} |")
        print(f"|{'---|' * (2 + len(DISTANCES))}")
        for kind in KINDS:
            found = [outcomes(kind, n, d, options.candidates, rng) for d in DISTANCES]
            cells = " | ".join(f"{one['passed']:.1f}" for one in found)
            print(f"| {kind} | {found[0]['failed']:.1f} | {cells} |", flush=True)
        pace.tell(f"{n:,} images: {time.perf_counter() - begun:.0f} s")


if __name__ == "__main__":
    main()
