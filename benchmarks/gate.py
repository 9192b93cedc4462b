"""How often a gate passes what is exactly at its bound, and what lies a little beyond it.

Prints, in percent of simulated candidates, how often each kind of requirement passes at the bound,
where 5 % may, and at some distances on its good side: its power. Beside it, how often it fails what
is exactly at the bound. Takes some minutes.

    python benchmarks/gate.py --candidates 20000 --beyond 2000 --images 60 200 1000
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from functools import lru_cache

import numpy as np
import pace

from rateval.records.gate import Outcome
from rateval.scoring.gate.changes import find_change
from rateval.scoring.gate.deciding import Check, decide
from rateval.scoring.gate.finding import Asked, find_value, find_worst
from rateval.scoring.gate.reading import Counted
from rateval.stats.bounds.bound import share_beside
from rateval.stats.bounds.held import Held, by_units
from rateval.stats.ratio import Ratio

LEVEL = 0.95
DISTANCES = (0.0, 0.01, 0.02, 0.05, 0.10)
"""Of the truth beyond the bound, on the good side."""

__all__ = ["Asked", "Check", "counted", "decide", "find_change", "main", "outcomes"]

Tails = tuple[np.ndarray, np.ndarray]
"""(C,) p of its being met and of its being broken, for each candidate."""
Draw = Callable[[np.random.Generator, int, float, int], Tails]
"""From images, a distance and a number of candidates to what is known of them."""

_OF_ONE = ((0, 0), (0, 1), (1, 1))
STATES = np.array([(*ours, *theirs) for ours in _OF_ONE for theirs in _OF_ONE], float)
"""(9, 4) what an image adds by two methods: it doesn't count, counts as bad, counts as good."""


def counted(numerator: np.ndarray, denominator: np.ndarray) -> Counted:
    """Return a metric by images that are numbered in their order."""
    n = len(numerator)
    ids = np.char.zfill(np.arange(n).astype(str), 6)
    ratio = Ratio(numerator.astype(float), denominator.astype(float))
    return Counted(ids, ratio, np.zeros(n, np.int64), None)


@lru_cache(maxsize=100_000)
def share_tails(k: int, n: int, bound: float) -> tuple[float, float]:
    """Return p of a share above the bound, and of one below."""
    found = share_beside(k, n, bound, LEVEL)
    return found.above, found.below


def at_least(bound: float) -> Draw:
    """Draw candidates whose share lies so far above the bound."""

    def draw(rng: np.random.Generator, n: int, distance: float, candidates: int) -> Tails:
        drawn = rng.binomial(n, bound + distance, candidates)
        above, below = np.array([share_tails(int(k), n, bound) for k in drawn]).T
        return above, below

    return draw


def paired(chances: Callable[[float], np.ndarray], margin: float) -> Draw:
    """Draw candidates that lie so far above a difference of ``margin``, by chances of states."""

    def draw(rng: np.random.Generator, n: int, distance: float, candidates: int) -> Tails:
        counts = rng.multinomial(n, chances(margin + distance), candidates).astype(float)
        counts = counts[(counts @ STATES[:, 1::2]).all(axis=1)]
        above, below = by_units(STATES, counts, np.full(len(counts), margin), paired=True)
        lacking = np.ones(candidates - len(counts))  # undefined: undecided
        return np.append(above, lacking), np.append(below, lacking)

    return draw


def accuracy_changes(flips: float) -> Callable[[float], np.ndarray]:
    """Return chances by which an accuracy of 80 % changes so much.

    ``flips`` of the images get better, and as many get worse, one of these more by the change.
    """

    def chances(change: float) -> np.ndarray:
        better, worse = flips + max(0.0, change), flips + max(0.0, -change)
        found = np.zeros(9)
        found[[4, 5, 7, 8]] = 0.2 - better, worse, better, 0.8 - worse
        return found

    return chances


def pt_changes(alike: float) -> Callable[[float], np.ndarray]:
    """Return chances by which a PT of 50 % changes so much, at accuracies of 80 and 85 %.

    ``alike`` of the images have both verdicts from one draw.
    """

    def joint(own: float, other: float, *, same: bool) -> np.ndarray:
        """Return (2, 2) chances of two things that are so or not, by one draw or by two."""
        if same:
            both = min(own, other)
            return np.array([[1 - max(own, other), other - both], [own - both, both]])
        return np.outer([1 - own, own], [1 - other, other])

    def chances(change: float) -> np.ndarray:
        found = np.zeros((3, 3))
        for share, same in ((alike, True), (1 - alike, False)):
            right, valid = joint(0.85, 0.8, same=same), joint(0.5 + change, 0.5, same=same)
            for own, other in np.ndindex(2, 2):
                for good, well in np.ndindex(2, 2):
                    at = own * (1 + good), other * (1 + well)
                    found[at] += share * right[own, other] * valid[good, well]
        return found.ravel()

    return chances


def one_by_one(draw: Callable[[np.random.Generator, int, float], Tails], margin: float) -> Draw:
    """Return what draws one candidate after the other."""

    def every(rng: np.random.Generator, n: int, distance: float, candidates: int) -> Tails:
        found = [draw(rng, n, margin + distance) for _ in range(candidates)]
        above, below = (np.concatenate(side) for side in zip(*found, strict=True))
        return above, below

    return every


def pt_over_seeds(seeds: int, margin: float, apart: float, alike: float) -> Draw:
    """Draw seeds whose PT differ by a standard deviation of ``apart``."""

    def draw(rng: np.random.Generator, n: int, change: float) -> Tails:
        ease, right = rng.random(n), (rng.random(n) < 0.8).astype(np.float64)
        before = Ratio(right * (ease < 0.5), right)
        pairs = []
        for shift in rng.normal(0, apart, seeds):
            own = np.where(rng.random(n) < alike, ease, rng.random(n))
            pairs.append((Ratio(right * (own < 0.5 + change + shift), right), before))
        return Held(pairs).test(np.array([margin]))

    return one_by_one(draw, margin)


def accuracy_over_seeds(seeds: int, bound: float, apart: float) -> Draw:
    """Draw seeds whose accuracies differ by a standard deviation of ``apart``."""

    def draw(rng: np.random.Generator, n: int, truth: float) -> Tails:
        ease, pairs = rng.random(n), []
        for shift in rng.normal(0, apart, seeds):
            own = np.where(rng.random(n) < 0.5, ease, rng.random(n))
            pairs.append((Ratio((own < truth + shift).astype(np.float64), np.ones(n)), None))
        return Held(pairs).test(np.array([bound]))

    return one_by_one(draw, bound)


def pt_by_cluster(clusters: int, margin: float, alike: float, touched: float = 1.0) -> Draw:
    """Draw clusters of an ease of their own, of which a share is touched by the change."""

    def draw(rng: np.random.Generator, n: int, change: float) -> Tails:
        each = n // clusters
        valid = np.repeat(rng.beta(2, 2, clusters), each)
        hit = np.repeat(rng.random(clusters) < touched, each)
        ease = rng.random(len(valid))
        right = (rng.random(len(valid)) < 0.8).astype(np.float64)
        own = np.where(rng.random(len(valid)) < alike, ease, rng.random(len(valid)))
        now = np.where(hit, valid * (1 + change / 0.5 / touched), valid)
        pair = Ratio(right * (own < now), right), Ratio(right * (ease < valid), right)
        return Held([pair], np.repeat(np.arange(clusters), each)).test(np.array([margin]))

    return one_by_one(draw, margin)


def by_class(bound: float, classes: int) -> Draw:
    """Draw classes of one size, one of them so far above the bound, the others 30 points."""

    def draw(rng: np.random.Generator, n: int, truth: float) -> Tails:
        each = n // classes
        shares = [truth] + [bound + 0.3] * (classes - 1)
        drawn = [(rng.random(each) < share).astype(float) for share in shares]
        parts = [(str(at), [(Ratio(right, np.ones(each)), None)]) for at, right in enumerate(drawn)]
        return p_of(find_worst(parts, n, Asked(bound, LEVEL), highest=False))

    return one_by_one(draw, bound)


def at_least_by_cluster(bound: float, clusters: int) -> Draw:
    """Draw clusters of which each has an ease of its own."""

    def draw(rng: np.random.Generator, n: int, mean: float) -> Tails:
        own = np.repeat(rng.beta(4 * mean, 4 * (1 - mean), clusters), n // clusters)
        right = (rng.random(len(own)) < own).astype(float)
        cluster = np.repeat(np.arange(clusters), n // clusters)
        ids, ratio = np.arange(len(own)).astype(str), Ratio(right, np.ones(len(own)))
        one = Counted(ids, ratio, cluster, cluster)
        return p_of(find_value([one], Asked(bound, LEVEL), shared=False))

    return one_by_one(draw, bound)


def p_of(found: object) -> Tails:
    """Return both p of what was found; 1 without a test."""
    beside = getattr(found, "beside", None)
    pair = (1.0, 1.0) if beside is None else (beside.above, beside.below)
    return np.array(pair[:1]), np.array(pair[1:])


KINDS: dict[str, tuple[int, Draw]] = {
    "accuracy at least 80 %": (1, at_least(0.8)),
    "PT at least 30 %": (1, at_least(0.3)),
    "accuracy at least 80 %, 20 clusters": (20, at_least_by_cluster(0.8, 20)),
    "accuracy at least 80 %, 3 seeds": (1, accuracy_over_seeds(3, 0.8, 0.02)),
    "accuracy at least 80 %, 5 seeds": (1, accuracy_over_seeds(5, 0.8, 0.02)),
    "worst of 10 classes at least 50 %": (100, by_class(0.5, 10)),
    "accuracy drops at most 2 points, few flips": (1, paired(accuracy_changes(0.0), -0.02)),
    "accuracy drops at most 2 points, 1 % flip": (1, paired(accuracy_changes(0.01), -0.02)),
    "accuracy drops at most 2 points": (1, paired(accuracy_changes(0.05), -0.02)),
    "accuracy rises at least 2 points, few flips": (1, paired(accuracy_changes(0.0), 0.02)),
    "accuracy rises at least 2 points": (1, paired(accuracy_changes(0.05), 0.02)),
    "PT drops at most 5 points, alike": (1, paired(pt_changes(1.0), -0.05)),
    "PT drops at most 5 points, half alike": (1, paired(pt_changes(0.5), -0.05)),
    "PT rises at least 5 points, half alike": (1, paired(pt_changes(0.5), 0.05)),
    "PT drops at most 5 points, alike, 20 clusters": (20, pt_by_cluster(20, -0.05, 1.0)),
    "the same, 40 % of clusters drop": (20, pt_by_cluster(20, -0.05, 1.0, 0.4)),
    "PT drops at most 5 points, half alike, 20 clusters": (20, pt_by_cluster(20, -0.05, 0.5)),
    "PT drops at most 5 points, half alike, 3 seeds": (1, pt_over_seeds(3, -0.05, 0.02, 0.5)),
    "PT drops at most 5 points, half alike, 5 seeds": (1, pt_over_seeds(5, -0.05, 0.02, 0.5)),
    "PT drops at most 5 points, alike, 3 equal seeds": (1, pt_over_seeds(3, -0.05, 0.0, 1.0)),
}
"""Kind to the fewest images that it makes sense of, and what draws candidates."""


ONE_BY_ONE, SLOW = ("seeds", "clusters", "worst"), 8
"""Words in kinds that are drawn one by one, and how many times fewer candidates they get."""


def outcomes(
    kind: str, n: int, distance: float, candidates: int, rng: np.random.Generator
) -> dict[Outcome, float]:
    """Return how often a gate of one requirement ends in each way, in percent."""
    met, broken = KINDS[kind][1](rng, n, distance, candidates)
    passed = met <= 1 - LEVEL
    failed = ~passed & (broken <= 1 - LEVEL)
    ended: dict[Outcome, float] = {
        "passed": 100 * float(passed.mean()),
        "failed": 100 * float(failed.mean()),
        "undecided": 100 * float((~passed & ~failed).mean()),
    }
    return ended


def main() -> None:
    """Simulate and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--candidates", type=int, default=1000, help="at the bound")
    parser.add_argument("--beyond", type=int, help="at each distance (default: as many)")
    parser.add_argument("--images", type=int, nargs="+", default=[200, 1000])
    options = parser.parse_args()
    rng = np.random.default_rng(14)
    begun = time.perf_counter()
    for n in options.images:
        heads = " | ".join(f"{100 * d:g} points" for d in DISTANCES[1:])
        print(f"\n| {n:,} images | fails at the bound | passes at the bound | {heads} |")
        print(f"|{'---|' * (2 + len(DISTANCES))}")
        for kind in (kind for kind, (fewest, _) in KINDS.items() if n >= fewest):
            slow = SLOW if any(word in kind for word in ONE_BY_ONE) else 1
            at = outcomes(kind, n, 0.0, options.candidates // slow, rng)
            many = (options.beyond or options.candidates) // slow
            power = [outcomes(kind, n, d, many, rng)["passed"] for d in DISTANCES[1:]]
            cells = " | ".join(f"{one:.1f}" for one in power)
            print(f"| {kind} | {at['failed']:.1f} | {at['passed']:.1f} | {cells} |", flush=True)
        pace.tell(f"{n:,} images: {time.perf_counter() - begun:.0f} s")


if __name__ == "__main__":
    main()
