"""Train the tiny ALBEF or BLIP of the quickstart on drawn scenes and write its folder.

    OMP_WAIT_POLICY=PASSIVE python scripts/train_quickstart_vlp.py --model albef --output FOLDER

One core needs about ten minutes. The folder holds the weights under the official key names, the
sizes and the vocabulary.
"""

from __future__ import annotations

import argparse
import math
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from pretraining import (
    CLASS_PROMPTS,
    STYLES,
    Normalise,
    draw_all,
    draw_batches,
    parser,
    train,
    write_json,
    zero_shot,
)
from safetensors.torch import save_file
from torch import nn

from rateval.api import Context
from rateval_shapes.captions import vocabulary
from rateval_shapes.scenes import SIDE
from rateval_vlp.model import ImageTextModel, make_albef, make_blip
from rateval_vlp.params import AlbefParams, BlipParams
from rateval_vlp.towers import DualEncoder

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]")


class Contrast(nn.Module):
    """Images and texts compared by a dual encoder.

    The encoder stays in eval mode: BERT drops nothing out, as CLIP's text tower doesn't.
    """

    def __init__(self, encoder: DualEncoder) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, images: torch.Tensor, tokens: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Embed (B, 3, 64, 64) and (B, T) as (B, D) each, normalised; the factor comes third."""
        image = self.encoder.vision_proj(self.encoder.visual_encoder(images))
        text = self.encoder.embed_text(tokens)
        return F.normalize(image), F.normalize(text), 1 / self.encoder.temp


def sizes() -> dict[str, Any]:
    """Describe the model in the words of the size parameter."""
    return {
        "image_size": SIDE,
        "patch_size": 8,
        "width": 96,
        "depth": 3,
        "heads": 3,
        "text_width": 64,
        "text_layers": 2,
        "text_heads": 2,
        "text_intermediate": 256,
        "vocabulary_size": len(SPECIAL) + len(vocabulary()),
        "max_positions": 35,
        "embedding": 64,
    }


def make(family: str, folder: Path, pretrained: str, seed: int = 0) -> ImageTextModel:
    """Make the model with the vocabulary of ``folder``."""
    params = {
        "pretrained": pretrained,
        "size": sizes(),
        "vocabulary": str(folder / "vocab.txt"),
    }
    if family == "albef":
        return make_albef(AlbefParams.model_validate(params), Context(seed=seed))
    return make_blip(BlipParams.model_validate(params), Context(seed=seed))


def save(model: DualEncoder, family: str, path: Path) -> None:
    """Write the weights in half precision, under the keys of the official checkpoint."""
    state = {name: w.half().contiguous() for name, w in model.state_dict().items()}
    if family == "albef":
        state = {k.replace("text_encoder.", "text_encoder.bert.", 1): w for k, w in state.items()}
    save_file(state, path)


def report(
    trained: ImageTextModel, stored: ImageTextModel, normalise: Normalise, seed: int
) -> None:
    """Print the zero-shot accuracy of what was stored, and whether storing changed a prediction."""
    for style in STYLES:
        results = []
        for model in (trained, stored):
            with torch.inference_mode():
                classes = model.encode_text(CLASS_PROMPTS)
            results.append(zero_shot(model.encode_image, classes, normalise, style, seed))
        (before, _), (after, labels) = results
        changed = int((before != after).sum())
        accuracy = int(after.eq(labels).sum()) / len(labels)
        print(f"zero-shot accuracy, {style}: {accuracy:.3f}; changed by storing: {changed}")


def parse() -> argparse.Namespace:
    """Read the command line."""
    made = parser(__doc__, scenes=24_000, steps=2_000, seed=0)
    made.add_argument("--model", choices=("albef", "blip"), required=True)
    return made.parse_args()


def main() -> None:
    """Draw, train, save, load again and measure."""
    options = parse()
    torch.set_num_threads(options.threads)
    folder: Path = options.output
    folder.mkdir(parents=True, exist_ok=True)
    words = (*SPECIAL, *vocabulary())
    (folder / "vocab.txt").write_text("\n".join(words) + "\n", encoding="utf-8")
    write_json(folder / "size.json", sizes())
    images, captions = draw_all(options.scenes, options.seed)
    model = make(options.model, folder, "random", options.seed)
    normalise = Normalise(model.card.mean, model.card.std)
    batches = draw_batches(images, model.tokenizer(captions), normalise, options)
    temperature = model.module.temp
    train(Contrast(model.module), lambda: temperature.clamp_(0.01, 1.0), batches, options)
    print(f"temperature {temperature.item():.4f}, factor exp({-math.log(temperature.item()):.2f})")
    weights = folder / "model.safetensors"
    save(model.module, options.model, weights)
    stored = make(options.model, folder, str(weights))
    report(model, stored, normalise, options.seed + 1)


if __name__ == "__main__":
    main()
