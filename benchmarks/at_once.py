"""Time a batch that is explained in parts beside one that is explained whole: 5 minutes.

A batch of 64, as a study takes by default, is explained by Generic Attention Attribution of all
layers, by a tower of random weights: in as many images at once as a study on a processor takes,
and in one piece. Both are timed in turns; the ratio is how many times as fast parts are. The memory
that each asks for at most is taken in processes of their own.

    OMP_NUM_THREADS=1 python benchmarks/at_once.py --architecture ViT-B-32
"""

from __future__ import annotations

import argparse
import math
import resource
import subprocess
import sys
from collections.abc import Callable

import torch
from cases import make_case
from pace import LIMIT_S, tell
from pairs import ratio, time_pairs

import rateval
from rateval.machine.memory import Portions, limit_explained

WHOLE, PARTS = "whole", "parts"


def make_way(architecture: str, batch: int, way: str) -> Callable[[], object]:
    """Return what explains a batch in one of both ways."""
    case = make_case(architecture, batch, "cpu")
    attribution = rateval.create("attribution", "generic-attention", layers="all")
    most = limit_explained("cpu", math.prod(case.model.grid)) if way == PARTS else None
    portions = Portions("explained", "explain fewer", most)

    def explain(part: slice) -> torch.Tensor:
        images, labels = case.images[part], case.labels[part]
        return attribution.explain(case.classifier, images, labels).relevance

    return lambda: portions.each(batch, explain)


def measure_peak(architecture: str, batch: int, way: str) -> float:
    """Return the memory of a process that explains a batch once, at most, in GB."""
    command = [sys.executable, __file__, "--architecture", architecture, "--batch", str(batch)]
    done = subprocess.run([*command, "--once", way], check=True, capture_output=True, text=True)
    return float(done.stdout)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--architecture", default="ViT-B-32")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--pairs", type=int, default=6)
    parser.add_argument("--once", choices=(WHOLE, PARTS), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.once:
        make_way(given.architecture, given.batch, given.once)()
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20)
        return
    for way in (WHOLE, PARTS):
        tell(f"{way}: {measure_peak(given.architecture, given.batch, way):.1f} GB at most")
    ways = [make_way(given.architecture, given.batch, way) for way in (WHOLE, PARTS)]
    pairs = time_pairs(ways[0], ways[1], given.pairs, LIMIT_S)
    threads = torch.get_num_threads()
    print(f"{given.architecture}, {threads} threads: parts are {ratio(pairs)} times as fast")


if __name__ == "__main__":
    main()
