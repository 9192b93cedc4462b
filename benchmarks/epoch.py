"""Time fine-tuning beside a plain PyTorch loop over the same JPEG files: 1 to 2 minutes.

Both train a small ViT and a linear head by cross entropy with Adam, from the same photos in
batches of 16, and are timed whole in turns. rateval's time holds everything that it does besides:
looking at the photos anew, finite losses, and the state that an interrupted training goes on from.
The ratio is that of the plain loop's time to rateval's, so that 1 is as fast.

    OMP_NUM_THREADS=1 python benchmarks/epoch.py
"""

from __future__ import annotations

import argparse
import copy
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pace import tell
from pairs import ratio, time_pairs
from photos import PIXELS, open_photos
from PIL import Image

import rateval
from rateval.api import Context, Model
from rateval.data.checked import CheckedDataset
from rateval.progress import SilentMonitor
from rateval.training.logbook import FolderLogbook

BATCH, CLASSES, RATE = 16, 4, 1e-5
LIMIT_S = 90.0
TEXT = {"context_length": 77, "vocab_size": 49408, "width": 32, "heads": 1, "layers": 1}


def make_photos(root: Path, count: int) -> Path:
    """Draw JPEG photos of 640 x 480 pixels to train on in folders of their classes, and a few."""
    draw = np.random.default_rng(0)
    for number in range(count + CLASSES):
        part = "test" if number < CLASSES else "train"
        path = root / "photos" / part / f"class {number % CLASSES}" / f"{number:04d}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        coarse = Image.fromarray(draw.integers(0, 256, (12, 16, 3), np.uint8))
        coarse.resize((640, 480), Image.Resampling.BICUBIC).save(path, quality=90)
    return root / "photos"


def make_model(width: int, layers: int) -> Model:
    """Make a CLIP with a vision tower of that size and random weights."""
    vision = {
        "image_size": PIXELS,
        "patch_size": 32,
        "head_width": 64,
        "width": width,
        "layers": layers,
    }
    config = {"embed_dim": width, "vision_cfg": vision, "text_cfg": TEXT}
    return rateval.create("model", "clip", architecture=config, pretrained="random")


def ours(
    photos: Path, model: Model, epochs: int, readers: int, scratch: Path
) -> Callable[[], object]:
    """Return a training by ``ft`` as a run does it, its state kept on disk."""
    made = rateval.create("dataset", "folder", root=photos)
    data = CheckedDataset(made, "folder")
    params = {"epochs": epochs, "batch_size": BATCH, "lr": RATE}
    method = rateval.create("finetuner", "ft", context=Context(readers=readers), **params)

    def train() -> None:
        fitted = copy.deepcopy(model)
        folder = tempfile.mkdtemp(dir=scratch)
        with FolderLogbook(SilentMonitor(), Path(folder)) as logbook:
            method.fit(fitted, data.train, data.classes, logbook)

    return train


def plain(photos: Path, model: Model, epochs: int, readers: int) -> Callable[[], object]:
    """Return the loop that anybody writes."""
    files = open_photos(photos / "train")

    def train() -> None:
        module: Any = copy.deepcopy(model.module)
        tower = module.visual.train()
        head = torch.nn.Linear(tower.output_dim, CLASSES)
        optimizer = torch.optim.Adam([*tower.parameters(), *head.parameters()], lr=RATE)
        workers = readers if readers > 1 else 0
        loader = torch.utils.data.DataLoader(files, BATCH, shuffle=True, num_workers=workers)
        for _ in range(epochs):
            for images, labels in loader:
                loss: Any = torch.nn.functional.cross_entropy(head(tower(images)), labels)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()

    return train


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--photos", type=int, default=48)
    parser.add_argument("--epochs", type=int, default=3, help="in each training")
    parser.add_argument("--width", type=int, default=192)
    parser.add_argument("--layers", type=int, default=12)
    parser.add_argument("--pairs", type=int, default=15)
    parser.add_argument("--readers", type=int, default=1, help="of images, in both")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        photos = make_photos(Path(scratch), given.photos)
        model = make_model(given.width, given.layers)
        size = sum(weight.nbytes for weight in model.image_tower.parameters()) * 3 / 2**20
        tell(f"takes at most {LIMIT_S:.0f} s and a first pair")
        pairs = time_pairs(
            plain(photos, model, given.epochs, given.readers),
            ours(photos, model, given.epochs, given.readers, Path(scratch)),
            given.pairs,
            LIMIT_S,
        )
    print(
        f"{given.epochs} epochs of {given.photos} photos, a state of {size:.0f} MiB, "
        f"{torch.get_num_threads()} thread(s): rateval is as fast as a plain loop times "
        f"{ratio(pairs)}"
    )


if __name__ == "__main__":
    main()
