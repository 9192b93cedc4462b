"""Train the tiny CLIP of the quickstart on drawn scenes and write it as an open_clip folder.

    OMP_WAIT_POLICY=PASSIVE python scripts/train_quickstart.py --output FOLDER

One core needs about twelve minutes. The folder loads by ``open_clip.create_model_and_transforms(
"local-dir:FOLDER")`` and ``open_clip.get_tokenizer("local-dir:FOLDER")``.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import open_clip
import torch
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
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

from rateval_shapes.captions import vocabulary
from rateval_shapes.scenes import SIDE, Style

SPECIAL = ("<pad>", "<start>", "<end>", "<unknown>")
CONTEXT = 16
NORMALISE = Normalise(mean=[0.5] * 3, std=[0.25] * 3)


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
            "pool_type": "argmax",
            "pad_id": SPECIAL.index("<pad>"),
        },
    }


def write_texts(folder: Path) -> None:
    """Write the config and the word-level tokenizer."""
    # The end comes last: open_clip 2.32 finds it by its largest id, and by nothing else.
    ordered = [word for word in (*SPECIAL, *vocabulary()) if word != "<end>"]
    words = {word: number for number, word in enumerate([*ordered, "<end>"])}
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
        "mean": NORMALISE.mean,
        "std": NORMALISE.std,
        "interpolation": "bicubic",
        "resize_mode": "shortest",
    }
    config = {"model_cfg": model_config(len(words)), "preprocess_cfg": preprocess}
    write_json(folder / "open_clip_config.json", config)


@torch.inference_mode()
def zero_shot_accuracy(folder: Path, style: Style, seed: int) -> float:
    """Measure the saved model on unbiased scenes of the task's ten classes."""
    model, _, _ = open_clip.create_model_and_transforms(f"local-dir:{folder}")
    model.eval()
    tokens = open_clip.get_tokenizer(f"local-dir:{folder}")
    classes = model.encode_text(tokens(CLASS_PROMPTS))
    found, labels = zero_shot(model.encode_image, classes, NORMALISE, style, seed)
    return int(found.eq(labels).sum()) / len(labels)


def main() -> None:
    """Draw, train, save, load again and measure."""
    options = parser(__doc__, scenes=48_000, steps=4_000, seed=2).parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(options.seed)
    folder: Path = options.output
    folder.mkdir(parents=True, exist_ok=True)
    write_texts(folder)
    images, captions = draw_all(options.scenes, options.seed)
    tokens = open_clip.get_tokenizer(f"local-dir:{folder}")(captions)
    model = open_clip.CLIP(**model_config(len(SPECIAL) + len(vocabulary())))
    scale = model.logit_scale
    batches = draw_batches(images, tokens, NORMALISE, options)
    train(model, lambda: scale.clamp_(0.0, math.log(100.0)), batches, options)
    # Half precision halves the file; zero-shot accuracy is measured on what was stored.
    state = {name: w.half().contiguous() for name, w in model.state_dict().items()}
    save_file(state, folder / "open_clip_model.safetensors")
    for style in STYLES:
        accuracy = zero_shot_accuracy(folder, style, options.seed + 1)
        print(f"zero-shot accuracy, {style}: {accuracy:.3f}")


if __name__ == "__main__":
    main()
