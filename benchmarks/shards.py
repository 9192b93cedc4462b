"""Time what a shard costs beside its images, by runs in shards and a plain loop: 4 minutes.

A small vision tower explains small PNG files, so that images take little and shards show: by a
plain loop that reads, predicts and explains in batches of 64 and keeps nothing, and by whole runs
of `rateval` that store, merge, judge and score, in shards of 64, of 512 and of 4,096 images. All
are timed in turns. What a shard costs is what a run takes longer than the one in a single piece,
by its shards.

    OMP_NUM_THREADS=1 python benchmarks/shards.py
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch
from pace import rounds
from photos import run_photos
from PIL import Image

import rateval
from rateval.data.batches import load_batches
from rateval.data.checked import CheckedDataset

BATCH, PIXELS, CLASSES = 64, 32, 4
SIZES = (64, 512, 4096)
PLAIN = "plain loop"
TEXT = {"context_length": 77, "vocab_size": 49408, "width": 32, "heads": 1, "layers": 1}
VISION = {"image_size": PIXELS, "patch_size": 8, "head_width": 32, "width": 64, "layers": 4}
MODEL: dict[str, Any] = {
    "architecture": {"embed_dim": 64, "vision_cfg": VISION, "text_cfg": TEXT},
    "pretrained": "random",
}


def make_photos(root: Path, count: int) -> None:
    draw = np.random.default_rng(0)
    for number in range(count):
        name = f"class {number % CLASSES}/{number:05d}.png"
        for part, pixels in (
            ("photos", draw.integers(0, 256, (PIXELS, PIXELS, 3), np.uint8)),
            ("masks", np.pad(np.full((12, 12), 255, np.uint8), 10)),
        ):
            (root / part / name).parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(root / part / name)


def loop(root: Path) -> None:
    """Read, predict and explain all photos, and keep nothing."""
    model = rateval.create("model", "clip", **MODEL)
    made = rateval.create("dataset", "folder", root=root / "photos", masks=root / "masks")
    data = CheckedDataset(made, "folder")
    classifier = rateval.create("finetuner", "zs").restore(model, data.classes, {})
    attribution = rateval.create("attribution", "generic-attention", layers="last")
    for batch in load_batches(data.test, model, batch_size=BATCH, masks=True):
        attribution.explain(classifier, batch.images, batch.labels)


def run(root: Path, size: int) -> None:
    """Run the study in shards of that size."""
    options = {"batch_size": BATCH, "shard_size": size, "readers": 1}
    run_photos(root, MODEL, "last", options)


def seconds(work: Callable[[], None]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=4096)
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory(prefix="rateval-photos-") as folder:
        root = Path(folder)
        make_photos(root, given.images)
        ways: dict[str | int, Callable[[], None]] = {PLAIN: partial(loop, root)}
        ways |= {size: partial(run, root, size) for size in SIZES}
        loop(root)  # what is imported but once
        run(root, SIZES[0])
        times: dict[str | int, list[float]] = {way: [] for way in ways}
        for _ in rounds(given.rounds):
            for way, work in ways.items():
                times[way].append(seconds(work))
    print(f"{given.images} images, medians of {len(times[PLAIN])} rounds")
    plain, whole = median(times[PLAIN]), median(times[SIZES[-1]])
    print(f"{PLAIN:<14} {plain:6.2f} s, {1000 * plain / given.images:.2f} ms an image")
    for size in SIZES:
        took, shards = median(times[size]), -(-given.images // size)
        more = 1000 * (took - whole) / (shards if size < given.images else 1)
        cost = f", {more:.0f} ms a shard more than in one piece" if shards > 1 else ""
        print(
            f"shards of {size:>5} {took:6.2f} s, {took / plain:.2f} times the loop, {shards} "
            f"shard(s){cost}"
        )


if __name__ == "__main__":
    main()
