"""Scenes per second on one core, beside Pillow decoding the same scenes from PNG: a minute.

OMP_NUM_THREADS=1 python benchmarks/shapes.py
"""

from __future__ import annotations

import io
import time
from collections.abc import Callable

from pace import LIMIT_S, rounds
from PIL import Image

from rateval_shapes.dataset import ShapesSplit
from rateval_shapes.scenes import Style
from rateval_shapes.streams import Stream

BASELINE = "decoded from PNG (baseline)"
SCENES = 1024
ROUNDS = 5


def seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


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
    works: dict[str, Callable[[], object]] = {
        "drawn in batches": lambda: split.samples(range(SCENES)),
        "drawn one at a time": lambda: [split.samples([i]) for i in range(SCENES)],
        BASELINE: lambda: decode(files),
    }
    # In turns, and the fastest counts: other load only ever slows it down.
    times = [
        {name: seconds(work) for name, work in works.items()}
        for _ in rounds(ROUNDS, LIMIT_S / 2, f"{style} round")
    ]
    rates = {name: SCENES / min(row[name] for row in times) for name in works}
    for name, rate in rates.items():
        print(f"{style:<6} {name:<28} {rate:7.0f} scenes/s  {rate / rates[BASELINE]:5.2f} x")


if __name__ == "__main__":
    measure("clean")
    measure("hard")
