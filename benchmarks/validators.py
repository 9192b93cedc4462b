"""Compare the evidence validators with relevance-mass, in images judged per second.

Each validator runs once in each round, so that a slow moment of the machine falls on all of them;
the median over rounds counts. It takes 20 s on 2 cores.

    python benchmarks/validators.py --batch 64 --rounds 9 --threads 1
"""

from __future__ import annotations

import argparse
import statistics
import time
from typing import Any

import torch
from pace import rounds

import rateval
from rateval.api import Validator

GRID, SIZE = (14, 14), (224, 224)
VALIDATORS: list[tuple[str, dict[str, Any]]] = [
    ("relevance-mass", {}),
    ("mass-over-chance", {}),
    ("relevance-rank", {}),
    ("pointing-game", {}),
    ("pointing-game", {"tolerance": 15}),
    ("top-k", {}),
    ("iou", {}),
    ("iou", {"cut": "quantile", "at": 0.8}),
]


def draw(batch: int, device: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Draw peaked random maps, and boxes of 10 to 30 % of the image as masks."""
    generator = torch.Generator().manual_seed(0)
    relevance = torch.rand(batch, *GRID, generator=generator) ** 3
    masks = torch.zeros(batch, *SIZE, dtype=torch.bool)
    sides = torch.randint(70, 123, (batch,), generator=generator).tolist()
    for mask, side in zip(masks, sides, strict=True):
        top, left = torch.randint(SIZE[0] - side, (2,), generator=generator).tolist()
        mask[top : top + side, left : left + side] = True
    return relevance.to(device), masks.to(device)


def seconds(validator: Validator, relevance: torch.Tensor, masks: torch.Tensor) -> float:
    started = time.perf_counter()
    # Reading a score waits for the device.
    validator.judge(relevance, masks).score.tolist()
    return time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--batch", type=int, default=64, help="images in a batch")
    parser.add_argument("--rounds", type=int, default=9, help="timed repetitions of each")
    parser.add_argument("--threads", type=int, default=1, help="threads of torch on the CPU")
    parser.add_argument("--device", default="cpu", help="a torch device, such as cuda")
    options = parser.parse_args()

    torch.set_num_threads(options.threads)
    relevance, masks = draw(options.batch, options.device)
    validators = [rateval.create("validator", name, **params) for name, params in VALIDATORS]
    for validator in validators:
        seconds(validator, relevance, masks)  # warm up
    times = [
        [seconds(validator, relevance, masks) for validator in validators]
        for _ in rounds(options.rounds)
    ]
    medians = [statistics.median(column) for column in zip(*times, strict=True)]
    print(
        f"{GRID[0]} x {GRID[1]} maps, {SIZE[0]} x {SIZE[1]} masks, batch {options.batch}, "
        f"{options.device}, {options.threads} thread(s), torch {torch.__version__}, "
        f"median of {len(times)} rounds"
    )
    print(f"{'':36}{'images/s':>10}{'of relevance-mass':>20}")
    for (name, params), median in zip(VALIDATORS, medians, strict=True):
        label = " ".join([name, *(f"{key}={value}" for key, value in params.items())])
        print(f"{label:36}{options.batch / median:10.0f}{medians[0] / median:20.2f}")


if __name__ == "__main__":
    main()
