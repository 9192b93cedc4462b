"""Pre-train a small image-text model on drawn scenes; what the quickstart's models share."""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import nn

from rateval_shapes.captions import describe
from rateval_shapes.drawing import draw_scenes
from rateval_shapes.objects import TASK_OBJECTS
from rateval_shapes.scenes import SIDE, Style, plan_scenes, pretraining_scenes
from rateval_shapes.streams import Stream

CLASS_PROMPTS = [f"a photo of a {name}" for name in TASK_OBJECTS]
STYLES: tuple[Style, ...] = ("clean", "hard")
CHUNK = 32


@dataclass(frozen=True)
class Normalise:
    """A layer that turns (B, 64, 64, 3) uint8 images into (B, 3, 64, 64) float32, normalised."""

    mean: Sequence[float]
    std: Sequence[float]

    def __call__(self, images: NDArray[np.uint8]) -> torch.Tensor:
        """Scale to [0, 1], then subtract the mean and divide by the deviation of each channel."""
        scaled = torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255.0
        mean, std = (torch.tensor(values).view(3, 1, 1) for values in (self.mean, self.std))
        return ((scaled - mean) / std).contiguous()


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Write readable JSON."""
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def draw_all(count: int, seed: int) -> tuple[NDArray[np.uint8], list[str]]:
    """Draw the scenes to train on, and their captions."""
    images = np.empty((count, SIDE, SIDE, 3), dtype=np.uint8)
    captions: list[str] = []
    for at in range(0, count, CHUNK):
        scenes = pretraining_scenes(seed, range(at, min(at + CHUNK, count)))
        images[at : at + CHUNK] = draw_scenes(scenes)[0]
        captions += describe(scenes)
    return images, captions


def train(
    model: nn.Module,
    keep_scale_in_bounds: Callable[[], object],
    batches: Iterator[tuple[torch.Tensor, torch.Tensor]],
    options: argparse.Namespace,
) -> None:
    """Run the contrastive training in place.

    ``model`` turns images and tokens into their normalised embeddings and the factor on the cosine;
    ``keep_scale_in_bounds`` is called after every step.
    """
    weights = list(model.parameters())
    groups = [
        {"params": [w for w in weights if w.ndim >= 2], "weight_decay": options.weight_decay},
        {"params": [w for w in weights if w.ndim < 2], "weight_decay": 0.0},
    ]
    optimiser = torch.optim.AdamW(groups, lr=options.lr, betas=(0.9, 0.98))
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda step: rate_factor(step, options.warmup, options.steps)
    )
    started = time.perf_counter()
    for step in range(1, options.steps + 1):
        images, tokens = next(batches)
        loss = contrastive_loss(model, images, tokens)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(weights, 1.0)
        optimiser.step()
        schedule.step()
        with torch.no_grad():
            keep_scale_in_bounds()
        if step % 100 == 0:
            spent = time.perf_counter() - started
            print(f"step {step:5d}  loss {loss.item():.3f}  {spent:.0f} s", flush=True)


def draw_batches(
    images: NDArray[np.uint8],
    tokens: torch.Tensor,
    normalise: Normalise,
    options: argparse.Namespace,
) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Yield batches without end, every scene once before any comes again."""
    generator = torch.Generator().manual_seed(options.seed)
    order = torch.empty(0, dtype=torch.int64)
    while True:
        if len(order) < options.batch_size:
            order = torch.randperm(len(images), generator=generator)
        batch, order = order[: options.batch_size], order[options.batch_size :]
        yield normalise(images[batch.numpy()]), tokens[batch]


def rate_factor(step: int, warmup: int, steps: int) -> float:
    """Rise linearly over the warm-up, then fall along a cosine to 0."""
    if step < warmup:
        return (step + 1) / warmup
    return 0.5 * (1.0 + math.cos(math.pi * (step - warmup) / max(1, steps - warmup)))


def contrastive_loss(model: nn.Module, images: torch.Tensor, tokens: torch.Tensor) -> torch.Tensor:
    """Compute CLIP's symmetric cross entropy over the batch."""
    image, text, scale = model(images, tokens)
    logits = scale * image @ text.T
    own = torch.arange(len(logits))
    return (F.cross_entropy(logits, own) + F.cross_entropy(logits.T, own)) / 2


@torch.inference_mode()
def zero_shot(
    encode_image: Callable[[torch.Tensor], torch.Tensor],
    classes: torch.Tensor,
    normalise: Normalise,
    style: Style,
    seed: int,
    count: int = 2000,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Predict unbiased scenes of the task's ten classes: predictions and labels, (count,) each.

    ``classes`` are the embeddings of CLASS_PROMPTS.
    """
    found, labels = [], []
    for at in range(0, count, CHUNK):
        indices = range(at, min(at + CHUNK, count))
        scenes = plan_scenes(
            seed, Stream.TEST, indices, objects=len(TASK_OBJECTS), bias=0.0, style=style
        )
        images = normalise(draw_scenes(scenes)[0])
        found.append((encode_image(images) @ F.normalize(classes).T).argmax(1))
        labels.append(torch.from_numpy(scenes.target.kind))
    return torch.cat(found), torch.cat(labels)


def parser(description: str, *, scenes: int, steps: int, seed: int) -> argparse.ArgumentParser:
    """Make a command line of what every training takes, with the shipped model's as defaults."""
    made = argparse.ArgumentParser(description=description.split("\n", 1)[0])
    made.add_argument("--output", type=Path, required=True, help="folder to write")
    made.add_argument("--seed", type=int, default=seed, help="weights, order and scenes")
    made.add_argument("--scenes", type=int, default=scenes)
    made.add_argument("--steps", type=int, default=steps)
    made.add_argument("--batch-size", type=int, default=64)
    made.add_argument("--lr", type=float, default=1e-3)
    made.add_argument("--warmup", type=int, default=100, help="steps")
    made.add_argument("--weight-decay", type=float, default=0.05)
    made.add_argument("--threads", type=int, default=1)
    return made
