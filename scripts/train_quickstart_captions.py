"""Train the tiny BLIP that writes captions of drawn scenes, and write its folder.

    OMP_WAIT_POLICY=PASSIVE python scripts/train_quickstart_captions.py --output FOLDER

One core needs six minutes. The folder holds the weights in half precision, as transformers
writes it, and the vocabulary.
"""

from __future__ import annotations

import argparse
import copy
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from pretraining import CHUNK, STYLES, Normalise, parser, rate_factor
from torch import nn

from rateval.api import Context
from rateval_shapes.captioning.scenes import arrange_scenes, plan_scenes, pretraining_scenes
from rateval_shapes.captioning.words import vocabulary
from rateval_shapes.objects import OBJECTS
from rateval_shapes.questions.drawing import draw_crowds
from rateval_shapes.scenes import SIDE, Style
from rateval_shapes.streams import Stream
from rateval_vlp.answering.making import make_blip_caption, make_blip_vqa
from rateval_vlp.answering.model import CaptioningModel
from rateval_vlp.answering.params import BlipCaptionParams, BlipVqaParams

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]")
PROMPT = "a picture of "
FIRST = 0.8
"""Probability of a scene's first caption; the others share the rest."""


def sizes() -> dict[str, Any]:
    """Describe the model in the words of the size parameter."""
    return {
        "image_size": SIDE,
        "patch_size": 8,
        "width": 96,
        "depth": 3,
        "heads": 3,
        "text_width": 96,
        "text_layers": 2,
        "text_heads": 3,
        "text_intermediate": 192,
        "vocabulary_size": len(words()) + 2,
        "max_positions": 32,
    }


def words() -> tuple[str, ...]:
    """Return the vocabulary: BERT's special words, those of captions and those of the prompt."""
    return (*SPECIAL, *sorted({*vocabulary(), *PROMPT.split()}))


def make(folder: Path, pretrained: str, seed: int = 0) -> CaptioningModel:
    """Make the model with the vocabulary of ``folder``."""
    params = {
        "pretrained": pretrained,
        "size": sizes() if pretrained == "random" else None,
        "vocabulary": str(folder / "vocab.txt"),
        "prompt": PROMPT,
    }
    return make_blip_caption(BlipCaptionParams.model_validate(params), Context(seed=seed))


@dataclass(frozen=True)
class Drawn:
    """Scenes to train on."""

    images: NDArray[np.uint8]
    """(N, 64, 64, 3)."""
    captions: list[tuple[str, str, str]]


def draw_all(count: int, seed: int) -> Drawn:
    """Draw the scenes to train on."""
    images = np.empty((count, SIDE, SIDE, 3), dtype=np.uint8)
    captions: list[tuple[str, str, str]] = []
    for at in range(0, count, CHUNK):
        plans, arranged = pretraining_scenes(seed, range(at, min(at + CHUNK, count)))
        images[at : at + CHUNK] = draw_crowds(arranged)[0]
        captions += [plan.captions for plan in plans]
    return Drawn(images, captions)


def begin_from(model: CaptioningModel) -> None:
    """Give the image tower the weights of the quickstart's blip-vqa, whose sizes it has.

    That one was trained to see objects and colours; captions alone would take many times as many.
    """
    seeing = make_blip_vqa(BlipVqaParams(), Context(seed=0))
    model.module.vision_model.load_state_dict(seeing.module.vision_model.state_dict())


def choose(captions: Sequence[str], random: np.random.Generator) -> str:
    """Return one of a scene's captions, mostly the first."""
    rest = (1.0 - FIRST) / (len(captions) - 1)
    return str(captions[random.choice(len(captions), p=[FIRST] + [rest] * (len(captions) - 1))])


def train(model: CaptioningModel, drawn: Drawn, options: argparse.Namespace) -> None:
    """Make the captions of random scenes likely, in place."""
    normalise = Normalise(model.card.mean, model.card.std)
    weights = list(model.module.parameters())
    groups = [
        {"params": [w for w in weights if w.ndim >= 2], "weight_decay": options.weight_decay},
        {"params": [w for w in weights if w.ndim < 2], "weight_decay": 0.0},
    ]
    optimiser = torch.optim.AdamW(groups, lr=options.lr, betas=(0.9, 0.98))
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda step: rate_factor(step, options.warmup, options.steps)
    )
    random = np.random.default_rng(options.seed)
    losses: list[float] = []
    started = time.perf_counter()
    model.module.eval()  # nothing is dropped out
    for step in range(1, options.steps + 1):
        rows = random.integers(len(drawn.images), size=options.batch_size)
        captions = [choose(drawn.captions[row], random) for row in rows.tolist()]
        seen = model._look(normalise(drawn.images[rows]))
        scores = model._score((seen, None), model._words.answers(captions))
        loss = -scores.sum(dim=1).mean()
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(weights, 1.0)
        optimiser.step()
        schedule.step()
        losses.append(loss.item())
        if step % 100 == 0:
            spent = time.perf_counter() - started
            print(f"step {step:5d}  caption {np.mean(losses):.2f}  {spent:.0f} s", flush=True)
            losses.clear()


@torch.inference_mode()
def examine(model: CaptioningModel, style: Style, seed: int, scenes: int = 1000) -> None:
    """Print how often captions of unbiased test scenes name what is there.

    ``named`` is the share of the objects that are named, ``there`` of the named ones that are
    there, ``same`` of the captions that are as the scene's first one.
    """
    normalise = Normalise(model.card.mean, model.card.std)
    named = there = objects = mentions = same = 0
    for at in range(0, scenes, CHUNK):
        indices = range(at, min(at + CHUNK, scenes))
        plans = plan_scenes(seed, Stream.TEST_CAPTIONS, indices, bias=0.0)
        arranged = arrange_scenes(seed, Stream.TEST_CAPTIONS, indices, plans, style)
        images = normalise(draw_crowds(arranged)[0])
        for plan, answer in zip(plans, model.generate(images, [""] * len(plans)), strict=True):
            own = {OBJECTS[thing.kind] for thing in plan.things}
            said = set(answer.text.replace(",", "").split()) & set(OBJECTS)
            objects, mentions = objects + len(own), mentions + len(said)
            named, there = named + len(own & said), there + len(own & said)
            same += answer.text == plan.captions[0]
    print(
        f"{style}: named {named / objects:.3f}, there {there / max(1, mentions):.3f}, "
        f"same {same / scenes:.3f}"
    )


def main() -> None:
    """Draw, train, save, load again and measure."""
    made = parser(__doc__, scenes=40_000, steps=1_600, seed=0)
    options = made.parse_args()
    torch.set_num_threads(options.threads)
    folder: Path = options.output
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "vocab.txt").write_text("\n".join(words()) + "\n", encoding="utf-8")
    drawn = draw_all(options.scenes, options.seed)
    model = make(folder, "random", options.seed)
    print(f"{sum(w.numel() for w in model.module.parameters()):,} weights")
    begin_from(model)
    train(model, drawn, options)
    model.module.config.text_config.sep_token_id = words().index("[SEP]")
    copy.deepcopy(model.module).half().save_pretrained(folder, max_shard_size="900KB")
    stored = make(folder, str(folder))
    for style in STYLES:
        for one in (model, stored):
            examine(one, style, options.seed + 1)


if __name__ == "__main__":
    main()
