"""Time `lp` by L-BFGS beside Adam at the published settings, on the same stored features.

The features are drawn: a middle for each class, and noise about it, of unit length as a CLIP's.
Adam takes 10 epochs in batches of 32 at a rate of 1e-3, and leaves nothing on disk here, in its
favour; L-BFGS goes on to the minimum with l2 = 0.1. Both are timed in turns. The losses say
where each of them ends: Adam's has no penalty. It takes 1 to 2 minutes on 2 cores.

    OMP_NUM_THREADS=1 python benchmarks/linear_probe.py
"""

from __future__ import annotations

import argparse
from types import SimpleNamespace
from typing import Any

import torch
from pairs import ratio, time_pairs

from rateval.machine.device import describe_device, resolve_device
from rateval.modelkit import Batch
from rateval.testing import RecordingLogbook
from rateval_finetune.methods.head_training import ProbeTask
from rateval_finetune.params import LpParams
from rateval_finetune.probing.regression import Regression
from rateval_finetune.training.linear_head import HeadClassifier, new_head
from rateval_finetune.training.randomness import make_generator
from rateval_finetune.training.sources import FeatureSource
from rateval_finetune.training.training import Training

CASES = ((1000, 64, 10), (2000, 512, 10), (2000, 512, 100))
"""Samples, features and classes."""
L2 = 0.1
LIMIT_S = 60.0
"""Of each case."""


def draw(samples: int, width: int, classes: int) -> FeatureSource:
    """Draw features of unit length about a middle for each class."""
    noise = torch.Generator().manual_seed(0)
    labels = torch.randint(classes, (samples,), generator=noise)
    middles = torch.randn(classes, width, generator=noise)
    features = middles[labels] + 1.5 * torch.randn(samples, width, generator=noise)
    return FeatureSource(torch.nn.functional.normalize(features, dim=1), labels)


def compare(samples: int, width: int, classes: int, count: int, device: str) -> None:
    """Print how many times as long as L-BFGS Adam takes, and the loss that each comes to."""
    source, params = draw(samples, width, classes), LpParams()
    place = SimpleNamespace(module=torch.nn.Identity())
    (filler,) = source.load([[0]], 1)
    ended: dict[str, Any] = {}

    def adam() -> None:
        head = new_head(width, classes, make_generator(0, "head"), device, torch.float32)
        model: Any = place
        task = ProbeTask(HeadClassifier(model, head, tuned=False), params.lr, cached=True)
        train(task, source, filler, params, device)
        with torch.no_grad():
            logits = head(source.features.to(device))
        ended["adam"] = float(torch.nn.functional.cross_entropy(logits, source.labels.to(device)))

    def lbfgs() -> None:
        regression = Regression(source.features.to(device), source.labels.to(device), classes)
        ended["lbfgs"] = regression.minimise(L2, 1000)

    pairs = time_pairs(adam, lbfgs, count, LIMIT_S)
    fit = ended["lbfgs"]
    print(
        f"{samples} samples, {width} features, {classes} classes: Adam takes {ratio(pairs)} times "
        f"as long; loss {ended['adam']:.4f}, of L-BFGS {fit.iterates[-1].loss:.4f} after "
        f"{len(fit.iterates) - 1} iterations{'' if fit.converged else ', not at the minimum'}",
        flush=True,
    )


def train(
    task: ProbeTask, source: FeatureSource, filler: Batch, params: LpParams, device: str
) -> None:
    """Train the head as `lp` does once features are stored."""
    logbook = RecordingLogbook()
    training = Training(task, source, filler, params, seed=0, device=device, logbook=logbook)
    training.run(keep=False)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=9)
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N")
    given = parser.parse_args()
    device = resolve_device(given.device)
    print(f"{describe_device(device)}, {torch.get_num_threads()} thread(s)", flush=True)
    for samples, width, classes in CASES:
        compare(samples, width, classes, given.pairs, device)


if __name__ == "__main__":
    main()
