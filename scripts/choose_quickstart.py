"""Choose which pre-training of each family is shipped, by its zero-shot accuracy alone.

    python scripts/choose_quickstart.py clip-0 clip-1 clip-2 blip-0 blip-1 albef-0
    python scripts/choose_quickstart.py clip-0 clip-1 clip-2 --write --study runs

Each folder is one that ``train_quickstart.py`` or ``train_quickstart_vlp.py`` wrote. All classify
the same 2,000 unbiased scenes in clean style, and in hard style, by a seed that no training had.
Of each family the one that is right most often on the clean ones is named; nothing else is looked
at for that. ``--write`` keeps the counts, as ``docs/figures/choice.json``, ``--add`` beside those
that are there; a test compares what is shipped with them. ``--study`` shows what fine-tuning does
to every one of them, chosen or not.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import choice
import torch
from choice import SCENES, SEED, WEIGHTS, Candidate, choose
from pretraining import CLASS_PROMPTS, STYLES, Normalise, zero_shot

import rateval

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
def count_right(folder: Path) -> list[int]:
    """Return how many scenes of each of STYLES the model classifies correctly."""
    family, params = describe(folder)
    model: Any = rateval.create("model", family, **params)
    normalise = Normalise(model.card.mean, model.card.std)
    classes = model.encode_text(CLASS_PROMPTS)
    right = []
    for style in STYLES:
        found, labels = zero_shot(model.encode_image, classes, normalise, style, SEED, SCENES)
        right.append(int(found.eq(labels).sum()))
    return right


def measure(folder: Path) -> Candidate:
    """Measure the model of a folder."""
    family, _ = describe(folder)
    clean, hard = count_right(folder)
    digest = sha256((folder / WEIGHTS[family]).read_bytes()).hexdigest()
    return Candidate(folder.name, family, digest, clean, hard)


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
    parser.add_argument("--write", action="store_true", help="keep the counts for the documents")
    parser.add_argument("--add", action="store_true", help="keep them beside those of others")
    parser.add_argument("--study", type=Path, help="folder for a study of all of them")
    parser.add_argument("--threads", type=int, default=1)
    return parser.parse_args()


def main() -> None:
    """Measure, choose, and with --study show what each of them comes to."""
    options = parse()
    torch.set_num_threads(options.threads)
    print(f"{'folder':<16} {'family':<7}" + "".join(f"{style:>8}" for style in STYLES), flush=True)
    found = []
    for folder in options.folders:
        found.append(one := measure(folder))
        shares = "".join(f"{count / SCENES:8.3f}" for count in (one.clean, one.hard))
        print(f"{one.name:<16} {one.family:<7}{shares}", flush=True)
    if options.add:
        found = choice.add(found, choice.read())
    for family, best in choose(found).items():
        print(f"{family}: {best.name} is right most often on clean scenes")
    if options.write or options.add:
        choice.write(found)
    if options.study:
        run_study(options.folders, options.study)


if __name__ == "__main__":
    main()
