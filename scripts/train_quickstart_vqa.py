"""Train the tiny BLIP that answers questions about drawn scenes, and write its folder.

    OMP_WAIT_POLICY=PASSIVE python scripts/train_quickstart_vqa.py --threads 2 --output FOLDER

Two cores need less than twenty minutes. The folder holds the weights in half precision, as
transformers writes it, and the vocabulary.
"""

from __future__ import annotations

import argparse
import copy
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from pretraining import CHUNK, Normalise, parser, rate_factor
from safetensors.torch import load_file
from torch import nn

import rateval_vlp
from rateval.api import Context
from rateval_shapes.objects import OBJECTS
from rateval_shapes.questions.crowds import make_crowds, pretraining_crowds
from rateval_shapes.questions.drawing import draw_crowds
from rateval_shapes.questions.facts import CELLS, Thing
from rateval_shapes.questions.words import DIRECTIONS, HUES, Form, ask, vocabulary
from rateval_shapes.scenes import SIDE, Style
from rateval_shapes.streams import Stream
from rateval_vlp.answering.making import make_blip_vqa
from rateval_vlp.answering.model import AnsweringModel
from rateval_vlp.answering.params import BlipVqaParams

PATCHES = 8
"""Patches in a row."""
COVERED = 0.3
"""Share of a patch from which on an object is its."""
QUESTIONS = 8
"""Asked of each image in a step."""
SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]")
STYLES: tuple[Style, ...] = ("clean", "hard")
Asked = tuple[str, str, str]
"""A question, its answer and its type."""


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
        "vocabulary_size": len(SPECIAL) + len(vocabulary()) + 2,
        "max_positions": 24,
    }


def make(folder: Path, pretrained: str, seed: int = 0) -> AnsweringModel:
    """Make the model with the vocabulary of ``folder``."""
    params = {
        "pretrained": pretrained,
        "size": sizes() if pretrained == "random" else None,
        "vocabulary": str(folder / "vocab.txt"),
        "max_new_tokens": 4,
        "question_begins": "[ENC]",
    }
    return make_blip_vqa(BlipVqaParams.model_validate(params), Context(seed=seed))


@dataclass(frozen=True)
class Drawn:
    """Scenes to train on."""

    images: NDArray[np.uint8]
    """(N, 64, 64, 3)."""
    things: list[tuple[Thing, ...]]
    """What stands in each."""
    kinds: torch.Tensor
    """(N, patches) int64: the object of each patch, -1 where there is none."""
    hues: torch.Tensor
    """(N, patches) int64: its colour."""


def draw_all(count: int, seed: int) -> Drawn:
    """Draw the scenes to train on."""
    images = np.empty((count, SIDE, SIDE, 3), dtype=np.uint8)
    things: list[tuple[Thing, ...]] = []
    kinds = np.full((count, PATCHES * PATCHES), -1)
    hues = np.full((count, PATCHES * PATCHES), -1)
    for at in range(0, count, CHUNK):
        crowds = pretraining_crowds(seed, range(at, min(at + CHUNK, count)))
        images[at : at + CHUNK], masks = draw_crowds(crowds)
        for row, facts in enumerate(crowds.facts, at):
            things.append(facts.things)
            for thing in facts.things:
                mask = masks[row - at, CELLS.index(thing.cell)]
                size = SIDE // PATCHES
                share = mask.reshape(PATCHES, size, PATCHES, size).mean(axis=(1, 3)).ravel()
                kinds[row, share > COVERED] = thing.kind
                hues[row, share > COVERED] = thing.hue
    return Drawn(images, things, torch.from_numpy(kinds), torch.from_numpy(hues))


def look_first(model: AnsweringModel, drawn: Drawn, options: argparse.Namespace) -> None:
    """Train the image tower to say of each patch which object covers it, and its colour.

    The tower is small and the answers say little of an image: without this it takes many times as
    many questions until it sees anything. Head and labels are for this alone.
    """
    normalise = Normalise(model.card.mean, model.card.std)
    head = nn.Linear(model.module.config.vision_config.hidden_size, len(OBJECTS) + 1 + len(HUES))
    weights = [*model.module.vision_model.parameters(), *head.parameters()]
    optimiser = torch.optim.AdamW(weights, lr=options.lr, weight_decay=options.weight_decay)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda step: rate_factor(step, options.warmup, options.looks)
    )
    random = np.random.default_rng(options.seed)
    for step in range(1, options.looks + 1):
        rows = random.integers(len(drawn.images), size=options.batch_size)
        scores = head(model._look(normalise(drawn.images[rows]))[:, 1:])
        kinds, hues = drawn.kinds[rows] + 1, drawn.hues[rows]
        of_kind, of_hue = scores.split([len(OBJECTS) + 1, len(HUES)], dim=-1)
        loss = F.cross_entropy(of_kind.flatten(0, 1), kinds.flatten())
        loss = loss + F.cross_entropy(of_hue.flatten(0, 1), hues.flatten(), ignore_index=-1)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        schedule.step()
        if step % 100 == 0:
            there = kinds > 0
            right = (of_kind.argmax(-1) == kinds)[there].float().mean().item()
            print(f"look {step:5d}  loss {loss.item():.3f}  objects {right:.3f}", flush=True)


def ask_all(things: Sequence[Thing], random: np.random.Generator) -> dict[str, list[Asked]]:
    """Return what may be asked of a scene, by form."""
    kinds = [thing.kind for thing in things]
    asked: dict[str, list[Asked]] = defaultdict(list)

    def add(form: Form, answer: str, one: int = 0, other: int = 0, direction: str = "") -> None:
        asked[form].append((ask(form, one, other, direction), answer, form))

    for thing in things:
        if kinds.count(thing.kind) == 1:
            add("colour", tuple(HUES)[thing.hue], thing.kind)
        add("presence", "yes", thing.kind)
        add("presence", "no", _absent(kinds, random))
        add("number", str(kinds.count(thing.kind)), thing.kind)
        for direction in DIRECTIONS:
            lying = [one for one in things if _lies(one, thing, direction)]
            if len(lying) == 1:
                add("place", OBJECTS[lying[0].kind], thing.kind, direction=direction)
            for one in lying:
                add("relation", "yes", one.kind, thing.kind, direction)
                add("relation", "no", thing.kind, one.kind, direction)
    add("number", "0", _absent(kinds, random))
    add("count", str(len(things)))
    return asked


def _absent(kinds: Sequence[int], random: np.random.Generator) -> int:
    return int(random.choice([kind for kind in range(len(OBJECTS)) if kind not in kinds]))


def _lies(one: Thing, other: Thing, direction: str) -> bool:
    axis = 0 if direction in ("above", "below") else 1
    lower = direction in ("left of", "above")
    near, far = (one, other) if lower else (other, one)
    return near.cell[axis] < far.cell[axis]


def choose(things: Sequence[Thing], count: int, random: np.random.Generator) -> list[Asked]:
    """Return questions about one scene, each form as often as others."""
    asked = ask_all(things, random)
    forms = random.choice(sorted(asked), size=count)
    return [asked[form][random.integers(len(asked[form]))] for form in forms]


def begin_from(model: AnsweringModel) -> None:
    """Give the image tower the weights of the quickstart's BLIP, whose sizes it has."""
    state = load_file(Path(rateval_vlp.__file__).parent / "quickstart/blip/model.safetensors")
    prefix = "visual_encoder."
    tower = {
        rename(name.removeprefix(prefix)): weight.float()
        for name, weight in state.items()
        if name.startswith(prefix)
    }
    model.module.vision_model.load_state_dict(tower)


def rename(name: str) -> str:
    """Return transformers' name of one of BLIP's weights of the image tower."""
    for old, new in (
        ("cls_token", "embeddings.class_embedding"),
        ("pos_embed", "embeddings.position_embedding"),
        ("patch_embed.proj", "embeddings.patch_embedding"),
        ("blocks.", "encoder.layers."),
        ("attn.qkv", "self_attn.qkv"),
        ("attn.proj", "self_attn.projection"),
        ("norm1", "layer_norm1"),
        ("norm2", "layer_norm2"),
    ):
        name = name.replace(old, new)
    return "post_layernorm" + name.removeprefix("norm") if name.startswith("norm.") else name


def _read(model: AnsweringModel, seen: torch.Tensor, questions: Sequence[str]) -> Any:
    ids, mask = model._words.questions(questions)
    states = model.module.text_encoder(
        input_ids=ids, attention_mask=mask, encoder_hidden_states=seen
    ).last_hidden_state
    return states, mask


def train(
    model: AnsweringModel,
    drawn: Drawn,
    options: argparse.Namespace,
) -> None:
    """Make the answers to random questions likely, in place; several are asked of each image."""
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
    losses: dict[str, list[float]] = defaultdict(list)
    started = time.perf_counter()
    model.module.eval()  # nothing is dropped out
    for step in range(1, options.steps + 1):
        rows = random.integers(len(drawn.images), size=options.batch_size)
        asked = [
            one for row in rows.tolist() for one in choose(drawn.things[row], QUESTIONS, random)
        ]
        questions, answers, forms = zip(*asked, strict=True)
        seen = model._look(normalise(drawn.images[rows]))
        read = _read(model, seen.repeat_interleave(QUESTIONS, dim=0), questions)
        by_row = -model._score(read, model._words.answers(answers)).sum(dim=1)
        optimiser.zero_grad()
        by_row.mean().backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(weights, 1.0)
        optimiser.step()
        schedule.step()
        for form, value in zip(forms, by_row.tolist(), strict=True):
            losses[form].append(value)
        if step % 100 == 0:
            spent = time.perf_counter() - started
            shown = " ".join(f"{form} {np.mean(of):.2f}" for form, of in sorted(losses.items()))
            print(f"step {step:5d}  {shown}  {spent:.0f} s", flush=True)
            losses.clear()


@torch.inference_mode()
def examine(model: AnsweringModel, style: Style, seed: int, scenes: int = 1000) -> None:
    """Print the accuracy on unbiased test scenes, by type of question."""
    normalise = Normalise(model.card.mean, model.card.std)
    right: dict[str, list[bool]] = defaultdict(list)
    for at in range(0, scenes, CHUNK):
        indices = range(at, min(at + CHUNK, scenes))
        crowds = make_crowds(
            seed, Stream.TEST_QUESTIONS, indices, per_image=2, bias=0.0, style=style
        )
        images = normalise(draw_crowds(crowds)[0])
        for member in range(2):
            asked = [facts.questions[member] for facts in crowds.facts]
            answers = model.generate(images, [one.text for one in asked])
            for one, answer in zip(asked, answers, strict=True):
                right[one.form].append(answer.text == one.answer)
                right["all"].append(answer.text == one.answer)
    shares = ", ".join(f"{kind} {np.mean(of):.3f}" for kind, of in sorted(right.items()))
    print(f"accuracy, {style}: {shares}")


def parse() -> argparse.Namespace:
    """Read the command line."""
    made = parser(__doc__, scenes=40_000, steps=5_000, seed=0)
    made.set_defaults(batch_size=32)
    made.add_argument("--looks", type=int, default=2_500, help="steps of the image tower alone")
    return made.parse_args()


def main() -> None:
    """Draw, train, save, load again and measure."""
    options = parse()
    torch.set_num_threads(options.threads)
    folder: Path = options.output
    folder.mkdir(parents=True, exist_ok=True)
    words = (*SPECIAL, *vocabulary())
    (folder / "vocab.txt").write_text("\n".join(words) + "\n", encoding="utf-8")
    drawn = draw_all(options.scenes, options.seed)
    model = make(folder, "random", options.seed)
    print(f"{sum(w.numel() for w in model.module.parameters()):,} weights")
    begin_from(model)
    look_first(model, drawn, options)
    train(model, drawn, options)
    model.module.config.text_config.sep_token_id = words.index("[SEP]")
    copy.deepcopy(model.module).half().save_pretrained(folder, max_shard_size="900KB")
    stored = make(folder, str(folder))
    for style in STYLES:
        for one in (model, stored):
            examine(one, style, options.seed + 1)


if __name__ == "__main__":
    main()
