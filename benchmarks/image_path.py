"""Time a whole run beside a plain forward pass over the same JPEG files, and its parts: 10 minutes.

Photos of 1600 x 1200 pixels are classified zero-shot by a ViT-B/32 of random weights. The plain way
is torchvision's ImageFolder in a DataLoader with as many workers as rateval has readers, and the
image tower in inference mode; rateval's is `rateval.run` with nothing stored: it makes the model as
the plain way does, reads photos and masks, predicts, explains by Generic Attention Attribution of
the last layer or of all, writes rows, masks and maps, judges, scores and writes its record. It
keeps no pictures, which it would read a few hundred photos again for, of however many. Both
are timed whole in turns, each in a process of its own that finds all imports done, which would take
as long as many a photo; 1 is as fast as the plain way. Then the processor's time of one run
is shared out among what happens to an image; `rest` is the run's own: plan, store and record.

    OMP_NUM_THREADS=1 python benchmarks/image_path.py
"""

from __future__ import annotations

import argparse
import pkgutil
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pace
import torch
from fresh import fresh, import_for
from pairs import ratio, time_pairs
from photos import open_photos, run_photos
from reading import make_photos

import rateval
from rateval.api import Model
from rateval.machine.allocation import keep_freed_memory

ARCHITECTURE = "ViT-B-32"
LIMITS = {"last": 0.97, "all": 0.57}
PARTS = {
    "read and decode": ("rateval.data.checked.CheckedSplit.samples",),
    "resize": ("rateval.data.reading._prepare",),
    "masks": ("rateval.data.reading._prepare_mask",),
    "forward, backward": ("rateval.stages.infer.explain_each",),
    "write": ("rateval.store.rows.RowWriter.write", "rateval.store.rows.write_relevance"),
    "judge, score": ("rateval.engine.doing.steps.judge", "rateval.engine.doing.steps.score"),
}
"""Functions that do a part, each without those of another part."""


def make_model() -> Model:
    return rateval.create("model", "clip", architecture=ARCHITECTURE, pretrained="random")


def plain(root: Path, batch: int, readers: int) -> None:
    """Make the model and its prompts, and run the image tower over all photos."""
    model = make_model()
    photos = open_photos(root / "photos")
    prompts = [prompt for texts in model.prompts(photos.classes) for prompt in texts]
    tower: Any = model.image_tower  # open_clip's, as it comes
    with torch.inference_mode():
        texts = model.encode_text(prompts)
        for images, _ in torch.utils.data.DataLoader(photos, batch, num_workers=readers):
            (tower(images) @ texts.T).argmax(dim=1).tolist()


def whole(root: Path, batch: int, readers: int, layers: str) -> None:
    """Run the study in a single piece, with memory as a command has it."""
    keep_freed_memory()
    options = {"batch_size": batch, "readers": readers, "shard_size": 10_000}
    run_photos(root, {"architecture": ARCHITECTURE}, layers, options)


@contextmanager
def counting(name: str, place: str, used: defaultdict[str, float]) -> Iterator[None]:
    """Add the processor's time that a function takes in its thread to ``used``."""
    owner, _, attribute = place.rpartition(".")
    module: Any = pkgutil.resolve_name(owner)
    inner: Callable[..., Any] = getattr(module, attribute)

    def timed(*given: Any, **more: Any) -> Any:
        begun = time.thread_time()
        try:
            return inner(*given, **more)
        finally:
            used[name] += time.thread_time() - begun

    with patch.object(module, attribute, timed):
        yield


def share_out(root: Path, batch: int, readers: int, layers: str) -> str:
    """Return what each part takes of the processor's time of one run."""
    used: defaultdict[str, float] = defaultdict(float)
    with ExitStack() as stack:
        for name, places in PARTS.items():
            for place in places:
                stack.enter_context(counting(name, place, used))
        begun = time.process_time()
        whole(root, batch, readers, layers)
        total = time.process_time() - begun
    used["rest"] = total - sum(used.values())
    shares = ", ".join(f"{name} {100 * used[name] / total:.1f} %" for name in (*PARTS, "rest"))
    return f"{total:.2f} s of the processor: {shares}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=128)
    parser.add_argument("--width", type=int, default=1600, help="of the photos")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--pairs", type=int, default=9)
    parser.add_argument("--readers", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--layers", nargs="+", choices=LIMITS, default=list(LIMITS))
    given = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory(prefix="rateval-photos-") as folder:
        root = make_photos(Path(folder), given.images, given.width, given.width * 3 // 4)
        limit = pace.LIMIT_S / len(given.layers) / len(given.readers)
        import_for(
            partial(plain, root, given.batch, 1), partial(whole, root, given.batch, 1, "all")
        )
        for readers in given.readers:
            for layers in given.layers:
                one = fresh(partial(plain, root, given.batch, readers))
                other = fresh(partial(whole, root, given.batch, readers, layers))
                pairs = time_pairs(one, other, given.pairs, limit, warm_up=lambda: None)
                print(
                    f"{readers} reader(s), layers = {layers}: a run is {ratio(pairs)} times as "
                    f"fast as the plain forward pass; wanted {LIMITS[layers]}",
                    flush=True,
                )
        for layers in given.layers:
            print(f"layers = {layers}: {share_out(root, given.batch, 1, layers)}", flush=True)


if __name__ == "__main__":
    main()
