"""Time attributions that share a pass, against the same ones by themselves, in turns.

Weights are random, which changes no timing. Each pair of times is taken one after the other, who is
first changes from pair to pair, and the ratio is the median of the pairs. Without a GPU the time is
that of the processor, so that other work on it counts little.

    OMP_NUM_THREADS=1 python benchmarks/shared_passes.py --architecture ViT-B-32 --batch 16

It takes 4 minutes on 2 cores, and ends within 10: pairs that no longer fit are left out.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from functools import partial
from typing import Any

import pace
import torch
from cases import Case, make_case
from pairs import ratio, time_pairs

import rateval
from rateval.machine.device import describe_device, resolve_device

PLANS = {
    "raw and margin, last": [("raw", "last"), ("margin", "last")],
    "raw and margin, all": [("raw", "all"), ("margin", "all")],
    "last and all, raw": [("raw", "last"), ("raw", "all")],
    "raw and margin, last and all": [
        (score, layers) for score in ("raw", "margin") for layers in ("last", "all")
    ],
}


def explain_together(case: Case, attributions: Sequence[Any]) -> None:
    places = range(len(attributions))
    given = case.classifier, case.images, case.labels
    attributions[0].explain_together(attributions, places, *given)
    _wait(case)


def explain_alone(case: Case, attributions: Sequence[Any]) -> None:
    for attribution in attributions:
        attribution.explain(case.classifier, case.images, case.labels)
    _wait(case)


def _wait(case: Case) -> None:
    if case.images.is_cuda:
        torch.cuda.synchronize()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--architecture", default="ViT-B-32", help="a name that open_clip knows")
    parser.add_argument("--batch", type=int, default=16, help="images in a batch")
    parser.add_argument("--pairs", type=int, default=9, help="pairs of times for each plan")
    parser.add_argument("--device", default="auto", help="auto, cpu, mps, cuda or cuda:N")
    options = parser.parse_args()
    device = resolve_device(options.device)
    print(
        f"{options.architecture}, batch {options.batch}, {describe_device(device)}, "
        f"{torch.get_num_threads()} thread(s), torch {torch.__version__}"
    )
    print("time of the same explainers by themselves to that of one pass for all:")
    clock = time.perf_counter if device.startswith(("cuda", "mps")) else time.process_time
    case = make_case(options.architecture, options.batch, device)
    for name, plan in PLANS.items():
        attributions = [
            rateval.create("attribution", "generic-attention", score=score, layers=layers)
            for score, layers in plan
        ]
        alone, together = (
            partial(way, case, attributions) for way in (explain_alone, explain_together)
        )
        pairs = time_pairs(alone, together, options.pairs, pace.LIMIT_S / len(PLANS), clock)
        print(f"{name:30}{ratio(pairs)}", flush=True)


if __name__ == "__main__":
    main()
