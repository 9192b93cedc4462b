"""Choose which pre-training of each family is shipped, by its zero-shot accuracy alone.

    python scripts/choose_quickstart.py clip-0 clip-1 clip-2 blip-0 blip-1 albef-0
    python scripts/choose_quickstart.py clip-0 clip-1 clip-2 --study runs

Each folder is one that ``train_quickstart.py`` or ``train_quickstart_vlp.py`` wrote. All classify
the same 2,000 unbiased scenes in clean style, and in hard style, by a seed that no training had.
Of each family the one that is right most often on the clean ones is named; nothing else is looked
at for that. ``--study`` then shows what fine-tuning does to every one of them, chosen or not.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import torch
from pretraining import CLASS_PROMPTS, STYLES, Normalise, zero_shot

import rateval

SEED = 1000
"""Of the scenes that are classified; trainings have smaller ones."""
TUNED = {"epochs": 5, "lr": 3e-4, "head_lr": 3e-3}


def describe(folder: Path) -> tuple[str, dict[str, Any]]:
    """Return the family of a folder's model, and the params that load it."""
    folder = folder.resolve()
    if (folder / "open_clip_config.json").is_file():
        return "clip", {"architecture": str(folder)}
    weights = folder / "model.safetensors"
    family = "albef" if b'"text_encoder.bert.' in weights.read_bytes() else "blip"
    size = json.loads((folder / "size.json").read_text(encoding="utf-8"))
    words = str(folder / "vocab.txt")
    return family, {"pretrained": str(weights), "size": size, "vocabulary": words}


@torch.inference_mode()
def count_right(folder: Path) -> tuple[int, ...]:
    """Return how many scenes of each of STYLES the model classifies correctly."""
    family, params = describe(folder)
    model: Any = rateval.create("model", family, **params)
    normalise = Normalise(model.card.mean, model.card.std)
    classes = model.encode_text(CLASS_PROMPTS)
    right = []
    for style in STYLES:
        found, labels = zero_shot(model.encode_image, classes, normalise, style, SEED)
        right.append(int(found.eq(labels).sum()))
    return tuple(right)


def choose(found: Iterable[tuple[str, str, Sequence[int]]]) -> dict[str, str]:
    """Return, for each family, the name with the most clean scenes right; of equals the first.

    >>> choose([("a", "clip", (7, 5)), ("b", "clip", (8, 2)), ("c", "blip", (1, 1))])
    {'clip': 'b', 'blip': 'c'}
    """
    best: dict[str, tuple[int, str]] = {}
    for name, family, (clean, *_) in found:
        if family not in best or clean > best[family][0]:
            best[family] = clean, name
    return {family: name for family, (_, name) in best.items()}


def run_study(folders: Sequence[Path], output: Path) -> None:
    """Fine-tune each of them as the quickstart does, explained by both scores and by edits."""
    models = []
    for folder in folders:
        family, params = describe(folder)
        models.append({"use": family, "name": folder.name, **params})
    rateval.run(
        {
            "study": {"name": "pretrainings"},
            "dataset": [
                {"use": "shapes", "name": "biased"},
                {"use": "shapes", "name": "unbiased", "test_bias": 0.0},
            ],
            "model": models,
            "finetune": [{"use": "zs"}, {"use": "ft", **TUNED}],
            "attribution": [
                {"use": "generic-attention", "name": score, "layers": "all", "score": score}
                for score in ("raw", "margin")
            ],
            "evidence": [{"use": "relevance-mass"}, {"use": "counterfactual"}],
            "counterfactual": {},
            "run": {"batch_size": 64, "output": str(output)},
        }
    )


def parse() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("folders", type=Path, nargs="+", help="folders of pre-trained models")
    parser.add_argument("--study", type=Path, help="folder for a study of all of them")
    parser.add_argument("--threads", type=int, default=1)
    return parser.parse_args()


def main() -> None:
    """Measure, choose, and with --study show what each of them comes to."""
    options = parse()
    torch.set_num_threads(options.threads)
    found = []
    print(f"{'folder':<16} {'family':<7}" + "".join(f"{style:>8}" for style in STYLES), flush=True)
    for folder in options.folders:
        right = count_right(folder)
        found.append((folder.name, describe(folder)[0], right))
        shares = "".join(f"{count / 2000:8.3f}" for count in right)
        print(f"{folder.name:<16} {found[-1][1]:<7}{shares}", flush=True)
    for family, name in choose(found).items():
        print(f"{family}: {name} is right most often on clean scenes")
    if options.study:
        run_study(options.folders, options.study)


if __name__ == "__main__":
    main()
