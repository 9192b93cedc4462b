"""Train the tiny CLIP of the quickstart on drawn scenes and write it as an open_clip folder.

    OMP_WAIT_POLICY=PASSIVE python scripts/train_quickstart.py --output FOLDER

One core needs about ten minutes. The folder loads by ``open_clip.create_model_and_transforms(
"local-dir:FOLDER")`` and ``open_clip.get_tokenizer("local-dir:FOLDER")``.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import open_clip
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from safetensors.torch import save_file
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from torch import nn

from rateval_shapes.captions import describe, vocabulary
from rateval_shapes.drawing import draw_scenes
from rateval_shapes.objects import TASK_OBJECTS
from rateval_shapes.scenes import SIDE, Scenes, Style, plan_scenes, pretraining_scenes
from rateval_shapes.streams import Stream

SPECIAL = ("<pad>", "<start>", "<end>", "<unknown>")
CONTEXT = 16
MEAN, STD = 0.5, 0.25
CHUNK = 32


def model_config(words: int) -> dict[str, Any]:
    """Describe the model in open_clip's terms."""
    return {
        "embed_dim": 64,
        "vision_cfg": {
            "image_size": SIDE,
            "patch_size": 8,
            "width": 96,
            "head_width": 32,
            "layers": 3,
        },
        "text_cfg": {
            "context_length": CONTEXT,
            "vocab_size": words,
            "width": 64,
            "heads": 2,
            "layers": 2,
            "hf_tokenizer_name": "quickstart",
            "tokenizer_kwargs": {"clean": "lower"},
            "pool_type": "eos",
            "pad_id": SPECIAL.index("<pad>"),
            "eos_id": SPECIAL.index("<end>"),
        },
    }


def write_texts(folder: Path) -> None:
    """Write the config and the word-level tokenizer."""
    words = {word: number for number, word in enumerate([*SPECIAL, *vocabulary()])}
    tokenizer = Tokenizer(models.WordLevel(words, unk_token="<unknown>"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<start> $A <end>",
        special_tokens=[("<start>", words["<start>"]), ("<end>", words["<end>"])],
    )
    tokenizer.add_special_tokens(list(SPECIAL))
    tokenizer.save(str(folder / "tokenizer.json"))
    names = dict(zip(("pad_token", "bos_token", "eos_token", "unk_token"), SPECIAL, strict=True))
    write_json(
        folder / "tokenizer_config.json",
        {"tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": CONTEXT, **names},
    )
    preprocess = {
        "size": [SIDE, SIDE],
        "mean": [MEAN] * 3,
        "std": [STD] * 3,
        "interpolation": "bicubic",
        "resize_mode": "shortest",
    }
    config = {"model_cfg": model_config(len(words)), "preprocess_cfg": preprocess}
    write_json(folder / "open_clip_config.json", config)


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Write readable JSON."""
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def to_tensor(images: NDArray[np.uint8]) -> torch.Tensor:
    """Normalise (B, 64, 64, 3) uint8 images as (B, 3, 64, 64) float32."""
    scaled = torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255.0
    return ((scaled - MEAN) / STD).contiguous()


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
    images: NDArray[np.uint8],
    tokens: torch.Tensor,
    options: argparse.Namespace,
) -> None:
    """Run the contrastive training in place."""
    weights = list(model.parameters())
    groups = [
        {"params": [w for w in weights if w.ndim >= 2], "weight_decay": options.weight_decay},
        {"params": [w for w in weights if w.ndim < 2], "weight_decay": 0.0},
    ]
    optimiser = torch.optim.AdamW(groups, lr=options.lr, betas=(0.9, 0.98))
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda step: rate_factor(step, options.warmup, options.steps)
    )
    generator = torch.Generator().manual_seed(options.seed)
    order = torch.empty(0, dtype=torch.int64)
    started = time.perf_counter()
    for step in range(1, options.steps + 1):
        if len(order) < options.batch_size:
            order = torch.randperm(len(images), generator=generator)
        batch, order = order[: options.batch_size], order[options.batch_size :]
        loss = contrastive_loss(model, to_tensor(images[batch.numpy()]), tokens[batch])
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(weights, 1.0)
        optimiser.step()
        schedule.step()
        with torch.no_grad():
            model.get_parameter("logit_scale").clamp_(0.0, math.log(100.0))
        if step % 100 == 0:
            spent = time.perf_counter() - started
            print(f"step {step:5d}  loss {loss.item():.3f}  {spent:.0f} s", flush=True)


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
def zero_shot_accuracy(folder: Path, style: Style, seed: int, count: int = 2000) -> float:
    """Measure the saved model on unbiased scenes of the task's ten classes."""
    model, _, _ = open_clip.create_model_and_transforms(f"local-dir:{folder}")
    model.eval()
    tokens = open_clip.get_tokenizer(f"local-dir:{folder}")
    classes = F.normalize(model.encode_text(tokens([f"a photo of a {c}" for c in TASK_OBJECTS])))
    right = 0
    for at in range(0, count, CHUNK):
        scenes = task_scenes(seed, range(at, min(at + CHUNK, count)), style)
        logits = model.encode_image(to_tensor(draw_scenes(scenes)[0])) @ classes.T
        right += int((logits.argmax(1) == torch.from_numpy(scenes.target.kind)).sum())
    return right / count


def task_scenes(seed: int, indices: Sequence[int], style: Style) -> Scenes:
    """Decide unbiased test scenes of the task."""
    objects = len(TASK_OBJECTS)
    return plan_scenes(seed, Stream.TEST, indices, objects=objects, bias=0.0, style=style)


def parse() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--output", type=Path, required=True, help="folder to write")
    parser.add_argument("--seed", type=int, default=0, help="weights, order and scenes")
    parser.add_argument("--scenes", type=int, default=24_000)
    parser.add_argument("--steps", type=int, default=2_000)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--lr", type=float, default=1e-3)
    parser.add_argument("--warmup", type=int, default=100, help="steps")
    parser.add_argument("--weight-decay", type=float, default=0.05)
    parser.add_argument("--threads", type=int, default=1)
    return parser.parse_args()


def main() -> None:
    """Draw, train, save, load again and measure."""
    options = parse()
    torch.set_num_threads(options.threads)
    torch.manual_seed(options.seed)
    folder: Path = options.output
    folder.mkdir(parents=True, exist_ok=True)
    write_texts(folder)
    images, captions = draw_all(options.scenes, options.seed)
    tokens = open_clip.get_tokenizer(f"local-dir:{folder}")(captions)
    model = open_clip.CLIP(**model_config(len(SPECIAL) + len(vocabulary())))
    train(model, images, tokens, options)
    # Half precision halves the file; zero-shot accuracy is measured on what was stored.
    state = {name: w.half().contiguous() for name, w in model.state_dict().items()}
    save_file(state, folder / "open_clip_model.safetensors")
    styles: tuple[Style, ...] = ("clean", "hard")
    for style in styles:
        accuracy = zero_shot_accuracy(folder, style, options.seed + 1)
        print(f"zero-shot accuracy, {style}: {accuracy:.3f}")


if __name__ == "__main__":
    main()
