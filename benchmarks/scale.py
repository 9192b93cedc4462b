"""Simulate the published shift study on 1 to 512 workers, from times that were measured elsewhere.

The study is 16 classifiers by 96 tests of 50,000 images, in shards of 512. The driver hands out one
shard after the other; a worker goes on with the classifier that it has, and loads another one when
no shard of that is left. Whoever ends the last shard of a test puts the test together. Workers are
lost at random and come back after a while; what they had in work is done again. What is not in it:
a store or a network that is full, unequal workers, training, and all that follows predictions.

Prints hours, the speed over one worker, and which share of the workers' time went into shards that
counted.

    python benchmarks/scale.py --shard 60 --driver 0.001
"""

from __future__ import annotations

import argparse
import heapq
import math
import random
from dataclasses import dataclass, fields

CLASSIFIERS, TESTS, SHARDS = 16, 96, -(-50_000 // 512)
WORKERS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)


@dataclass(frozen=True)
class Times:
    """What was measured: seconds, and losses by the hour of a worker."""

    shard: float = 60.0
    spread: float = 0.1
    driver: float = 0.001
    store: float = 0.2
    load: float = 10.0
    merge: float = 5.0
    losses: float = 0.02
    back: float = 120.0


def simulate(workers: int, times: Times, seed: int = 0) -> tuple[float, float]:
    """Return seconds until all is done, and the share of all workers' time that shards took."""
    draw = random.Random(seed)
    left, ended = [TESTS * SHARDS] * CLASSIFIERS, [0] * CLASSIFIERS
    loaded: list[int | None] = [None] * workers
    working = [0] * CLASSIFIERS
    events: list[tuple[float, int, int | None]] = [(0.0, at, None) for at in range(workers)]
    driven, useful, end = 0.0, 0.0, 0.0
    while events:
        now, worker, done = heapq.heappop(events)
        end = now
        if done is not None:
            ended[done] += 1
            if ended[done] % SHARDS == 0:
                heapq.heappush(events, (now + times.merge, worker, None))
                continue
        had = loaded[worker]
        chosen = had if had is not None and left[had] else _most(left, working)
        if chosen is None:
            continue  # nothing is left for it
        driven = max(driven, now) + times.driver
        took = times.store + (0.0 if chosen == had else times.load)
        if chosen != had:
            working[chosen] += 1
            loaded[worker] = chosen
        work = max(0.0, draw.gauss(times.shard, times.spread * times.shard))
        lives = draw.expovariate(times.losses / 3600) if times.losses else math.inf
        if lives < took + work:
            loaded[worker] = None
            heapq.heappush(events, (driven + lives + times.back, worker, None))
        else:
            left[chosen] -= 1
            useful += work
            heapq.heappush(events, (driven + took + work, worker, chosen))
    return end, useful / (workers * end)


def _most(left: list[int], working: list[int]) -> int | None:
    """Return the classifier with the most shards for each worker that has it; None without any."""
    best = max(range(CLASSIFIERS), key=lambda at: left[at] / (working[at] + 1))
    return best if left[best] else None


def main() -> None:
    """Print a line for each number of workers."""
    parser = argparse.ArgumentParser(description=__doc__)
    for field in fields(Times):
        parser.add_argument(f"--{field.name}", type=float, default=field.default)
    times = Times(**vars(parser.parse_args()))
    print(times)
    alone = 0.0
    for workers in WORKERS:
        seconds, share = simulate(workers, times)
        alone = alone or seconds
        print(
            f"{workers:4} workers: {seconds / 3600:8,.1f} h, {alone / seconds:6.1f} times one, "
            f"{share:6.1%} of their time in shards"
        )


if __name__ == "__main__":
    main()
