"""Scenes per second on one core, beside Pillow decoding the same scenes from PNG.

OMP_NUM_THREADS=1 python benchmarks/shapes.py
"""

from __future__ import annotations

import io
import time
from collections.abc import Callable

from PIL import Image

from rateval_shapes.dataset import ShapesSplit
from rateval_shapes.scenes import Style
from rateval_shapes.streams import Stream

SCENES = 1024
ROUNDS = 5


def fastest(work: Callable[[], object]) -> float:
    """Return scenes per second of the best of some rounds: other load only ever slows it down."""
    best = float("inf")
    for _ in range(ROUNDS):
        started = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - started)
    return SCENES / best


def decode(files: list[bytes]) -> None:
    for content in files:
        Image.open(io.BytesIO(content)).load()


def encode(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "png")
    return buffer.getvalue()


def measure(style: Style) -> None:
    split = ShapesSplit(Stream.TEST, SCENES, bias=0.9, style=style, seed=0)
    files = [encode(sample.image) for sample in split.samples(range(SCENES))]
    baseline = fastest(lambda: decode(files))
    rates = {
        "drawn in batches": fastest(lambda: split.samples(range(SCENES))),
        "drawn one at a time": fastest(lambda: [split.samples([i]) for i in range(SCENES)]),
        "decoded from PNG (baseline)": baseline,
    }
    for name, rate in rates.items():
        print(f"{style:<6} {name:<28} {rate:7.0f} scenes/s  {rate / baseline:5.2f} x")


if __name__ == "__main__":
    measure("clean")
    measure("hard")
