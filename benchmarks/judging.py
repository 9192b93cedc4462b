"""Compare judging of stored maps with its floor: making each heat map by upsampling alone.

Relevance mass accuracy on 14 x 14 maps and 224 x 224 masks, read from a store's files, on one
thread. A map of 224 x 224 numbers passes through memory about ten times; the floor does so once.
Takes about half a minute.

    python benchmarks/judging.py --images 2000 --rounds 5
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
import pace
import pyarrow as pa
import pyarrow.parquet as pq
import torch
import torch.nn.functional as F

import rateval
from rateval.stages.judge import judge
from rateval.store import rows
from rateval.workbench.verdicts.judging import CPU_BATCH

GRID, SIZE = (14, 14), (224, 224)


class Silent:
    def begin(self, total: int) -> None:
        pass

    def advance(self, samples: int, note: str = "") -> None:
        pass


def store(folder: Path, images: int) -> None:
    """Write peaked random maps, and boxes of 10 to 30 % of the image as masks."""
    draw = np.random.default_rng(0)
    rows.write_relevance(folder, (draw.random((images, *GRID)) ** 3).astype(np.float16))
    schema = rows.masks_schema(*SIZE)
    ids = [str(number) for number in range(images)]
    with pq.ParquetWriter(folder / rows.MASKS, schema, compression="zstd") as writer:
        for number in ids:
            mask = np.zeros((1, *SIZE), dtype=np.bool_)
            side, top, left = draw.integers((70, 0, 0), (123, 100, 100))
            mask[0, top : top + side, left : left + side] = True
            packed = rows.pack_masks(mask, (True,))
            writer.write_batch(pa.RecordBatch.from_pydict({"id": [number], "mask": packed}, schema))
    correct = [number % 2 == 0 for number in range(images)]
    pq.write_table(pa.table({"id": ids, "correct": correct}), folder / rows.ROWS)


def floor(folder: Path) -> None:
    """Upsample every stored map, and do nothing else."""
    maps = torch.from_numpy(rows.read_relevance(folder)).double().unsqueeze(1)
    for start in range(0, len(maps), CPU_BATCH):
        F.interpolate(
            maps[start : start + CPU_BATCH], size=SIZE, mode="bilinear", align_corners=False
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=5, help="timed repetitions of each")
    options = parser.parse_args()
    torch.set_num_threads(1)
    validator = rateval.create("validator", "relevance-mass")
    times: dict[str, list[float]] = {"upsampling alone": [], "judging": []}
    with tempfile.TemporaryDirectory() as inferred, tempfile.TemporaryDirectory() as judged:
        store(Path(inferred), options.images)
        for _ in pace.rounds(options.rounds):
            started = time.process_time()
            floor(Path(inferred))
            between = time.process_time()
            judge(validator, Path(inferred), 64, Silent(), Path(judged), "cpu")
            times["upsampling alone"].append(between - started)
            times["judging"].append(time.process_time() - between)
    base = statistics.median(times["upsampling alone"])
    print(f"{'':20}{'CPU s for 50,000':>18}{'of upsampling alone':>22}")
    for name, took in times.items():
        middle = statistics.median(took)
        print(f"{name:20}{middle / options.images * 50_000:18.1f}{middle / base:22.2f}")


if __name__ == "__main__":
    main()
