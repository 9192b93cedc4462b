"""Shifted images per second on one core, beside Pillow decoding the same.

Two minutes on 2 cores, of which one is used without --threads.

Seconds are the processor's, so that other work on the machine counts little; the fastest round of
each shift counts. Severity 5, which is the slowest of most types; masks move, too.
`background-swap` takes backgrounds of eight images that are read and filled in already, as it keeps
them. With --threads, several threads at once beside one, by the clock: what they gain says how much
of the work is outside of the interpreter's lock, where as many cores are free.

    OMP_NUM_THREADS=1 python benchmarks/shifts.py
"""

from __future__ import annotations

import argparse
import io
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, get_args

import numpy as np
from pace import LIMIT_S, rounds
from PIL import Image

from rateval.api import Component, Context, Sample, Shift
from rateval.api.shifts import ShiftAmong
from rateval.registry.references import follow
from rateval_shifts.corruptions.shift import CORRUPTIONS
from rateval_shifts.plugin import rateval_register_shifts

BASELINE = "decoded from JPEG (baseline)"
SIDES = (224, 512)
Work = Callable[[], object]


def picture(side: int) -> Image.Image:
    """Draw soft noise: what a JPEG of a photo has to hold."""
    rng = np.random.default_rng(0)
    coarse = Image.fromarray(rng.integers(0, 256, (side // 8, side // 8, 3), dtype=np.uint8))
    return coarse.resize((side, side), Image.Resampling.BICUBIC)


class Lending:
    """A split of some samples, which lend one another their backgrounds."""

    identity = "benchmark"

    def __init__(self, samples: Sequence[Sample]) -> None:
        self._samples = samples

    def __len__(self) -> int:
        return len(self._samples)

    def samples(self, indices: Sequence[int]) -> list[Sample]:
        return [self._samples[index] for index in indices]


def list_params(component: Component, severity: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield name and params of each type of a shift."""
    fields = follow(component.params).model_fields
    params = {"severity": severity} if "severity" in fields else {}
    if "type" not in fields:
        yield component.name, params
        return
    types = CORRUPTIONS if component.name == "corruption" else get_args(fields["type"].annotation)
    for kind in types:
        name = kind if component.name == "corruption" else f"{component.name} {kind}"
        yield name, {"type": kind, **params}


def works(side: int, severity: int) -> dict[str, Work]:
    image, file = picture(side), io.BytesIO()
    image.save(file, "JPEG", quality=90)
    mask = np.zeros((side, side), bool)
    mask[side // 4 : side // 2, side // 3 : side // 2] = True
    samples = [Sample(str(number), image, number % 2, mask) for number in range(8)]
    found: dict[str, Work] = {BASELINE: lambda: Image.open(io.BytesIO(file.getvalue())).load()}
    for component in rateval_register_shifts():
        for name, params in list_params(component, severity):
            made = follow(component.factory)(follow(component.params)(**params), Context())
            shift: Shift = made.among(Lending(samples)) if isinstance(made, ShiftAmong) else made
            found[name] = lambda shift=shift: shift.apply(samples[0])  # type: ignore[misc]
    return found


def gain(work: Work, threads: int) -> float:
    """Return how many times as much several threads do as one, by the clock: the best of rounds."""
    work()
    best = {1: float("inf"), threads: float("inf")}
    for _ in range(10):
        for count in best:
            with ThreadPoolExecutor(count) as pool:
                begin, calls = time.perf_counter(), 0
                while calls < 4 * count or time.perf_counter() - begin < 0.05:
                    list(pool.map(lambda _: work(), range(4 * count)))
                    calls += 4 * count
                best[count] = min(best[count], (time.perf_counter() - begin) / calls)
    return best[1] / best[threads]


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
    parser.add_argument("--threads", type=int, default=0, help="time threads in place of a core")
    parsed = parser.parse_args()
    for side in parsed.sides:
        todo = works(side, parsed.severity)
        if parsed.threads:
            for name, work in todo.items():
                print(
                    f"{side} x {side}  {name:<28} {gain(work, parsed.threads):6.2f} x", flush=True
                )
            continue
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
