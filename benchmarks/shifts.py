"""Corrupted images per second on one core, beside Pillow decoding the same: a minute.

Seconds are the processor's, so that other work on the machine counts little; the fastest round of
each type counts. Severity 5, which is the slowest of most types; masks move, too.

    OMP_NUM_THREADS=1 python benchmarks/shifts.py
"""

from __future__ import annotations

import argparse
import io
import time
from collections.abc import Callable

import numpy as np
from pace import LIMIT_S, rounds
from PIL import Image

from rateval.api import Context, Sample
from rateval_shifts.corruptions.shift import CORRUPTIONS, make_corruption
from rateval_shifts.params import CorruptionParams

BASELINE = "decoded from JPEG (baseline)"
SIDES = (224, 512)
Work = Callable[[], object]


def picture(side: int) -> Image.Image:
    """Draw soft noise: what a JPEG of a photo has to hold."""
    rng = np.random.default_rng(0)
    coarse = Image.fromarray(rng.integers(0, 256, (side // 8, side // 8, 3), dtype=np.uint8))
    return coarse.resize((side, side), Image.Resampling.BICUBIC)


def works(side: int, severity: int) -> dict[str, Work]:
    image, file = picture(side), io.BytesIO()
    image.save(file, "JPEG", quality=90)
    mask = np.zeros((side, side), bool)
    mask[side // 4 : side // 2, side // 3 : side // 2] = True
    sample = Sample("a", image, 0, mask)
    found: dict[str, Work] = {BASELINE: lambda: Image.open(io.BytesIO(file.getvalue())).load()}
    for kind in CORRUPTIONS:
        shift = make_corruption(CorruptionParams(type=kind, severity=severity), Context())
        found[kind] = lambda shift=shift: shift.apply(sample)  # type: ignore[misc]
    return found


def seconds(work: Work) -> float:
    """Time several calls at once: the processor's clock is coarse on some machines."""
    begin, calls = time.process_time(), 0
    while calls < 3 or time.process_time() - begin < 0.03:
        work()
        calls += 1
    return (time.process_time() - begin) / calls


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--severity", type=int, default=5, choices=range(1, 6))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--sides", type=int, nargs="+", default=SIDES)
    parsed = parser.parse_args()
    for side in parsed.sides:
        todo = works(side, parsed.severity)
        limit = LIMIT_S / len(parsed.sides)
        times = [
            {name: seconds(work) for name, work in todo.items()}
            for _ in rounds(parsed.rounds, limit, f"{side} x {side}: round")
        ]
        rates = {name: 1 / min(row[name] for row in times) for name in todo}
        for name, rate in rates.items():
            ratio = rate / rates[BASELINE]
            print(f"{side} x {side}  {name:<28} {rate:7.0f} images/s  {ratio:6.3f} x")


if __name__ == "__main__":
    main()
