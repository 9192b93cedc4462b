"""Measure what driving a study costs: every step and shard handed out, none of them done.

The published shift study is made up: 19 corruptions at 5 severities, and none, by 4 methods on 4
models, 50,000 images each. An executor answers at once, so that what is left is the driver's own:
laying out the steps, cutting them, handing them out, hearing of them. Prints time, memory and what
a shard costs, and the ratio of that cost to a shard's in a study of a quarter of the images: at 1
or less time grows as the number of shards does, or less. The record of a run, which reads what is
stored, is no part of it. Takes some minutes.

    python benchmarks/driver.py --images 50000
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rateval.api import Step, StepEnd, Work
from rateval.api.training import Monitor
from rateval.engine.executors.checked import CheckedExecutor
from rateval.engine.runner import Runner
from rateval.facade import open_spec
from rateval.plan.planning import make_plan
from rateval.progress import Reporter
from rateval.records.facts import FinetuneFacts, InferFacts
from rateval.registry.discovery import discover
from rateval.store.store import Store

TYPES = [
    "gaussian_noise",
    "shot_noise",
    "impulse_noise",
    "defocus_blur",
    "glass_blur",
    "motion_blur",
    "zoom_blur",
    "snow",
    "frost",
    "fog",
    "brightness",
    "contrast",
    "elastic_transform",
    "pixelate",
    "jpeg_compression",
    "speckle_noise",
    "gaussian_blur",
    "spatter",
    "saturate",
]
DONE = ("finetune", "infer")
"""Stages that are handed out; what follows reads what these would have left."""

DATASET = '''
from rateval.api import Context, Params, Skipped


class Listed(Params):
    images: int = 0
    """Samples that are listed and never read."""
    number: int = 0
    """Tells one split from another."""


class Split:
    has_masks = False

    def __init__(self, params):
        self.identity = f"listed {params.images} {params.number}"
        self.images = params.images

    def __len__(self):
        return self.images

    def __getitem__(self, index):
        return Skipped(str(index), "never read")


class Dataset:
    train = None
    has_masks = False
    classes = tuple(f"class {at}" for at in range(1000))

    def __init__(self, params):
        self.test = Split(params)


def make(params: Listed, context: Context) -> Dataset:
    return Dataset(params)
'''


class Answering:
    """An executor that ends each step at once, and leaves an empty result of a whole one."""

    def __init__(self, store: Store) -> None:
        self.capacity = 512
        self._store = store
        self._waiting: deque[Step] = deque()
        self.shards = 0

    def start(self, work: Work) -> None:
        """Need nothing."""

    def submit(self, step: Step, monitor: Monitor) -> None:
        """Take a step."""
        self._waiting.append(step)
        monitor.advance(step.units or 0)

    def collect(self) -> Sequence[StepEnd]:
        """Return the step that has waited longest."""
        if not self._waiting:
            return []
        step = self._waiting.popleft()
        if step.shard is None:
            self._store.make(step.stage, step.inputs, lambda folder: self._facts(step))
        else:
            self.shards += 1
        return [StepEnd(step.identity, 0.0)]

    def stop(self) -> None:
        """Forget what waits."""
        self._waiting.clear()

    @staticmethod
    def _facts(step: Step) -> Mapping[str, Any]:
        if step.stage == "finetune":
            facts = FinetuneFacts(trained=False, skipped=(), curve=(), told={})
            return facts.model_dump(mode="json")
        return InferFacts(count=step.units or 0, skipped=()).model_dump(mode="json")


def spec(folder: Path, images: int) -> dict[str, Any]:
    """Return the study, with results in ``folder``."""
    (folder / "listed.py").write_text(DATASET)
    return {
        "study": {"name": "driver"},
        # As many tests as of four methods on four models, whose weights are nobody's here.
        "dataset": [
            {"use": f"{folder}/listed.py:make", "name": f"{at}", "images": images, "number": at}
            for at in range(16)
        ],
        "model": [{"use": "clip"}],
        "finetune": [{"use": "zs"}],
        "shift": [{"use": "corruption", "type": TYPES, "severity": [1, 2, 3, 4, 5]}],
        "attribution": [{"use": "generic-attention"}],
        "metric": [{"use": "accuracy"}, {"use": "pt"}, {"use": "ir"}],
        "run": {"output": str(folder / "runs"), "device": "cpu"},
    }


def drive(images: int) -> tuple[int, float, float]:
    """Hand out a study of so many images a test.

    Returns shards, and the seconds of CPU that planning and driving it took.
    """
    with tempfile.TemporaryDirectory(prefix="rateval-driver-") as name:
        folder = Path(name)
        registry = discover()
        clock = time.process_time()
        plan = make_plan(open_spec(spec(folder, images)), registry)
        runner = Runner(plan, registry, Reporter())
        planned = time.process_time() - clock
        executor = Answering(Store(folder / "runs/store"))
        runner._executor = CheckedExecutor(executor, "answering", "this benchmark")
        chosen = {step.identity for step in runner._steps.values() if step.stage in DONE}
        runner._selected = frozenset(chosen)
        runner._account.results.judged = lambda: iter(())  # type: ignore[method-assign]
        clock = time.process_time()
        runner.run()
        return executor.shards, planned, time.process_time() - clock


def main() -> None:
    """Print what the driver costs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=50_000, help="images of each test")
    images = parser.parse_args().images
    costs = []
    for count in (images // 4, images):
        shards, planned, drove = drive(count)
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
        costs.append(drove / max(shards, 1))
        print(
            f"{count:7,} images a test: {shards:9,} shards, planned in {planned:6.1f} s of CPU, "
            f"driven in {drove:6.1f} s, {costs[-1] * 1e6:6.0f} µs a shard, {memory:.2f} GiB at most"
        )
    print(f"ratio of the cost of a shard: {costs[1] / costs[0]:.2f}")


if __name__ == "__main__":
    main()
