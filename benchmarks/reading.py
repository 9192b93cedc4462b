"""Images read a second, and memory held meanwhile, beside torchvision: 5 to 10 minutes on 2 cores.

JPEG photos of 1600 x 1200 pixels become what CLIP sees (224 pixels): by rateval's `folder`, with
all checks of a run, and by torchvision's ImageFolder in a DataLoader, with the same transform; the
tensors are equal. Each way is timed in turns, and the fastest counts; beside the time by the clock,
which suffers from whatever else the machine does, stands that of the processor. Memory is that of
all processes of a way together, above what it was before the first image, while a model that takes
50 ms for a batch lets readers get ahead.

    OMP_NUM_THREADS=1 python benchmarks/reading.py
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from pace import LIMIT_S, rounds, tell
from photos import PIXELS, open_photos
from PIL import Image

import rateval
from rateval.data.batches import load_batches
from rateval.data.checked import CheckedDataset
from rateval_clip.preprocessing import make_geometry

CLASSES = 4
DISTINCT = 8
"""Photos that are drawn; the others are copies of them in files of their own."""
BATCHES = (16, 64, 256)
TORCHVISION = "torchvision"
EXACT, MASKS, FAST = "rateval", "rateval, with masks", 'rateval, decode = "fast"'


def make_photos(root: Path, count: int, width: int, height: int) -> Path:
    """Draw photos with coarse and fine structure, and masks of a part of them."""
    noise = np.random.default_rng(0)
    for number in range(count):
        place = f"class {number % CLASSES}/{number:04d}"
        photo, mask = root / "photos" / f"{place}.jpg", root / "masks" / f"{place}.png"
        photo.parent.mkdir(parents=True, exist_ok=True)
        mask.parent.mkdir(parents=True, exist_ok=True)
        if number >= DISTINCT:
            same = f"class {number % DISTINCT % CLASSES}/{number % DISTINCT:04d}"
            photo.write_bytes((root / "photos" / f"{same}.jpg").read_bytes())
            mask.write_bytes((root / "masks" / f"{same}.png").read_bytes())
            continue
        coarse = noise.integers(0, 256, (12, 16, 3), np.uint8)
        smooth = Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)
        grain = noise.normal(0, 6, (height, width, 3))
        Image.fromarray(np.clip(np.asarray(smooth) + grain, 0, 255).astype(np.uint8)).save(
            photo, quality=90
        )
        blob = np.zeros((height, width), np.uint8)
        blob[height // 4 : height // 2, width // 4 : width // 2] = 255
        Image.fromarray(blob).save(mask)
    return root


def read_rateval(root: Path, batch: int, readers: int, way: str) -> Iterator[torch.Tensor]:
    """Yield batches as a run reads them."""
    params: dict[str, Any] = {"root": root / "photos", "decode": "fast" if way == FAST else "exact"}
    params |= {"masks": root / "masks"} if way == MASKS else {}
    made = rateval.create("dataset", "folder", **params)
    geometry, _ = make_geometry({"size": (PIXELS, PIXELS)})
    model: Any = SimpleNamespace(preprocess=geometry.image, preprocess_mask=geometry.mask)
    split = CheckedDataset(made, "folder").test
    masks = way == MASKS
    for loaded in load_batches(split, model, batch_size=batch, masks=masks, readers=readers):
        yield loaded.images


def read_torchvision(root: Path, batch: int, workers: int) -> Iterator[torch.Tensor]:
    """Yield batches of the same tensors."""
    photos = open_photos(root / "photos")
    for images, _ in torch.utils.data.DataLoader(photos, batch, num_workers=workers):
        yield images


def read(root: Path, batch: int, workers: int, way: str) -> Iterator[torch.Tensor]:
    if way == TORCHVISION:
        return read_torchvision(root, batch, workers)
    return read_rateval(root, batch, workers, way)


def count_all(batches: Iterator[torch.Tensor]) -> int:
    return sum(len(images) for images in batches)


def processor_time() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def seconds(work: Callable[[], object]) -> tuple[float, float]:
    started, used = time.perf_counter(), processor_time()
    work()
    return time.perf_counter() - started, processor_time() - used


def compare(root: Path, turns: int) -> None:
    pairs = zip(read(root, 64, 1, EXACT), read(root, 64, 1, TORCHVISION), strict=True)
    assert all(ours.equal(theirs) for ours, theirs in pairs), "other pixels"
    ways = [(way, n) for n in (1, 2) for way in (TORCHVISION, EXACT, MASKS, FAST)]
    count = count_all(read(root, 64, 2, FAST))

    def work(way: str, workers: int) -> None:
        assert count_all(read(root, 64, workers, way)) == count

    times = [
        {way: seconds(partial(work, *way)) for way in ways} for _ in rounds(turns, LIMIT_S / 2)
    ]
    for way, workers in ways:
        (clock, used), (clock_of, used_of) = (
            [min(column) for column in zip(*(row[name, workers] for row in times), strict=True)]
            for name in (way, TORCHVISION)
        )
        print(
            f"{workers} worker{'s' * (workers > 1):<1} {way:<23} {count / clock:6.1f} images/s ="
            f"{clock_of / clock:5.2f} x {TORCHVISION}; by processor {1000 * used / count:5.1f} "
            f"ms/image ={used / used_of:5.2f} x",
            flush=True,
        )


def held_by(pid: int) -> int:
    """Return the bytes that a process and those it began hold, shared ones in proportion."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:  # it has ended
        return 0
    total = next(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))
    return total + sum(held_by(int(child)) for child in children)


def measure(root: Path, batch: int, workers: int, way: str) -> None:
    """Print what this process, made for it, held at most while it read; in MB."""
    next(read(root, 1, 1, way))  # so that everything is imported
    before = held_by(os.getpid())
    most, over = before, threading.Event()

    def watch() -> None:
        nonlocal most
        while not over.wait(0.01):
            most = max(most, held_by(os.getpid()))

    watcher = threading.Thread(target=watch)
    watcher.start()
    largest = 0
    for images in read(root, batch, workers, way):
        largest = max(largest, images.nbytes)
        time.sleep(0.05)  # a model at work, so that readers get ahead
    over.set()
    watcher.join()
    print(json.dumps({"held": (most - before) / 2**20, "batch": largest / 2**20}))


def tell_memory(root: Path, what: str, batches: tuple[int, ...], ways: tuple[str, ...]) -> None:
    for way in ways:
        for batch in batches:
            command = [sys.executable, __file__, "--measure", str(root), str(batch), "2", way]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            found = json.loads(done.stdout)
            print(
                f"{what}, 2 workers, batches of {batch:>3} ({found['batch']:3.0f} MB)  {way:<23} "
                f"{found['held']:4.0f} MB held",
                flush=True,
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=256, help="fewer than 16: no memory")
    parser.add_argument("--width", type=int, default=1600, help="of the photos that are timed")
    parser.add_argument("--rounds", type=int, default=3, help="timed repetitions of each way")
    parser.add_argument("--measure", nargs=4, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        root, batch, workers, way = options.measure
        measure(Path(root), int(batch), int(workers), way)
        return
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory(prefix="rateval-reading-") as folder:
        width, height = options.width, options.width * 3 // 4
        small = make_photos(Path(folder) / "small", options.images, width, height)
        compare(small, options.rounds)
        fitting = tuple(batch for batch in BATCHES if batch <= options.images)
        if not fitting or not Path("/proc/self/smaps_rollup").exists():
            tell("memory is measured on Linux, with 16 images or more")
            return
        tell_memory(small, f"{width} x {height}", fitting, (TORCHVISION, EXACT))
        large = make_photos(Path(folder) / "large", min(64, options.images), 4000, 3000)
        tell_memory(large, "4000 x 3000", (min(64, options.images),), (TORCHVISION, EXACT, FAST))


if __name__ == "__main__":
    main()
