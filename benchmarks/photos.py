"""What several benchmarks do with folders of photos: by torchvision alone, and by a run."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from torchvision.datasets import ImageFolder
from torchvision.transforms import (
    CenterCrop,
    Compose,
    InterpolationMode,
    Normalize,
    Resize,
    ToTensor as Scale,
)

import rateval
from rateval_clip.preprocessing import make_geometry

PIXELS = 224
"""Side of what a model sees."""


def open_photos(folder: Path) -> ImageFolder:
    """Open class folders as torchvision does, for the tensors that CLIP sees."""
    _, settings = make_geometry({"size": (PIXELS, PIXELS)})
    steps = [
        Resize(PIXELS, InterpolationMode.BICUBIC),
        CenterCrop(PIXELS),
        Scale(),
        Normalize(settings.mean, settings.std),
    ]
    return ImageFolder(str(folder), Compose(steps))


def run_photos(
    root: Path, model: dict[str, Any], layers: str, options: dict[str, Any], **tables: Any
) -> None:
    """Run a zero-shot study of photos and masks on the CPU, with a store of its own.

    No pictures are kept. ``options`` are those of ``[run]``, ``tables`` what else the spec has.
    """
    with tempfile.TemporaryDirectory(prefix="rateval-run-") as output:
        photos = {"use": "folder", "root": str(root / "photos"), "masks": str(root / "masks")}
        done = rateval.run(
            {
                "study": {"name": "photos"},
                "run": {"output": output, "device": "cpu", **options},
                "report": {"pictures": 0},
                "dataset": [photos],
                "model": [{"use": "clip", "pretrained": "random", **model}],
                "finetune": [{"use": "zs"}],
                "attribution": [{"use": "generic-attention", "layers": layers}],
                "evidence": [{"use": "relevance-mass"}],
                **tables,
            }
        )
        assert done.status == "finished", done.failures
