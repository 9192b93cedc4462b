"""What counterfactual evidence costs, and how well it tells what the drawn scenes' generator knows.

The generator draws each scene once more on every other background, and without its object: that is
"gold" for whether an answer hangs on the object. A study with [counterfactual] only has the images.

    python benchmarks/counterfactual.py    # trains three methods first: 5 minutes on 2 cores
    python benchmarks/counterfactual.py --run runs/quickstart-20260101-120000

The first table tells the cost of an image in milliseconds: reading it, filling its object in, and
K + 2 forward passes, each alone; then the stage, in which threads read and fill ahead of the model.
"""

from __future__ import annotations

import argparse
import dataclasses
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pace
import torch
from numpy.typing import NDArray
from PIL import Image
from scipy.stats import rankdata

import rateval
from rateval.api import Classifier, Outcomes
from rateval.checkpoints.restore import restore_classifier
from rateval.data.batches import Batch, load_batches
from rateval.modelkit.filling import View, grow
from rateval.progress import SilentMonitor
from rateval.records.run import RunRecord
from rateval.records.scores.cell import CellRecord
from rateval.registry.discovery import discover
from rateval.stages.counterfactual import counterfactual
from rateval.tasks.classification import OneOf
from rateval.workbench.cell import Job
from rateval.workbench.donors import read_donors
from rateval.workbench.edits import Edits, prepare_ahead
from rateval_shapes.backgrounds import TONES
from rateval_shapes.dataset import ShapesSplit
from rateval_shapes.drawing import draw_scenes
from rateval_shapes.scenes import Scenes, plan_scenes

EDITS = Edits(donors=4, background="swap", object="inpaint")
AWAY = 1000.0
"""Pixels that an object is moved by to draw a scene without it."""

Flags = NDArray[np.bool_]


def run_study(folder: str) -> RunRecord:
    """Train what the gold is known of."""
    tuned = {"epochs": 5, "lr": 3e-4, "head_lr": 3e-3}
    return rateval.run(
        {
            "study": {"name": "gold"},
            "dataset": [
                {"use": "shapes", "name": "biased"},
                {"use": "shapes", "name": "unbiased", "test_bias": 0.0},
            ],
            "model": [{"use": "clip"}],
            "finetune": [
                {"use": "zs"},
                {"use": "ft", **tuned},
                {"use": "evidence-ft", "layers": "all", **tuned},
            ],
            "attribution": [{"use": "generic-attention", "layers": "all"}],
            "counterfactual": {},
            "run": {"output": folder},
        }
    )


def tell_costs(rounds: int) -> None:
    """Print the milliseconds of an image, by part."""
    data: Any = rateval.create("dataset", "shapes")
    model: Any = rateval.create("model", "clip")
    finetuner: Any = rateval.create("finetuner", "zs")
    classifier = finetuner.fit(model, None, data.classes, None)
    view = View(model.card.mean, model.card.std)
    batches = list(load_batches(data.test, model, batch_size=32, masks=True))
    donors = read_donors(data.test, model, view, batch_size=32, readers=1)
    job = Job(classifier, None, data.test, None, OneOf(len(data.classes)), "cpu", 32, 1)
    count = len(data.test)

    def stage() -> None:
        with tempfile.TemporaryDirectory() as folder:
            ahead = prepare_ahead(job, EDITS, donors, view, range(count))
            counterfactual(job, EDITS, donors, ahead, SilentMonitor(), Path(folder))

    def donate() -> None:
        read_donors(data.test, model, view, batch_size=32, readers=1)

    parts: dict[str, Callable[[], object]] = {
        "reading": lambda: list(load_batches(data.test, model, batch_size=32, masks=True)),
        "filling": lambda: [_fill(view, batch) for batch in batches],
        "one forward pass": lambda: [_ask(classifier, batch.images) for batch in batches],
        f"the stage, {EDITS.donors + 2} forward passes": stage,
        "donors, once for all methods": donate,
    }
    times = {name: [] for name in parts}  # type: dict[str, list[float]]
    for _ in pace.rounds(rounds, 120.0):
        for name, work in parts.items():
            started = time.perf_counter()
            work()
            times[name].append(1000 * (time.perf_counter() - started) / count)
    print(f"ms per image of {count} scenes, {torch.get_num_threads()} threads, the fastest round")
    for name, found in times.items():
        print(f"  {name:32} {min(found):7.2f}")


def _fill(view: View, batch: Batch) -> torch.Tensor:
    assert batch.masks is not None
    return view.fill(batch.images, grow(batch.masks), "inpaint")


def _ask(classifier: Classifier, images: torch.Tensor) -> NDArray[np.int64]:
    with torch.inference_mode():
        answers: NDArray[np.int64] = classifier.logits(images).argmax(dim=1).numpy()
    return answers


def ask_generator(classifier: Classifier, split: ShapesSplit) -> tuple[NDArray[np.float64], Flags]:
    """Return how often each answer stays on all other backgrounds, and if without its object."""
    classes = 10
    scenes = plan_scenes(
        split.seed,
        split.stream,
        range(len(split)),
        objects=classes,
        bias=split.bias,
        style=split.style,
    )
    answers = _predict(classifier, scenes)
    kept = np.zeros(len(scenes))
    for step in range(1, len(TONES)):
        background = (scenes.background + step) % len(TONES)
        tones = scenes.tones - TONES[scenes.background] + TONES[background]
        edited = dataclasses.replace(scenes, background=background, tones=tones)
        kept += _predict(classifier, edited) == answers
    away = dataclasses.replace(scenes.target, centre=scenes.target.centre + AWAY)
    without = _predict(classifier, dataclasses.replace(scenes, target=away)) == answers
    return kept / (len(TONES) - 1), without


def _predict(classifier: Classifier, scenes: Scenes) -> NDArray[np.int64]:
    images, _ = draw_scenes(scenes)
    found = []
    for start in range(0, len(images), 32):
        part = [classifier.model.preprocess(Image.fromarray(i)) for i in images[start : start + 32]]
        found.append(_ask(classifier, torch.stack(part)))
    return np.concatenate(found)


def area_under_curve(values: NDArray[np.float64], true: Flags) -> float:
    """Return how often a value of a true one is above that of another one; nan without both."""
    positive, negative = int(true.sum()), int((~true).sum())
    if not positive or not negative:
        return float("nan")
    ranks = rankdata(values)[true].sum()
    return float((ranks - positive * (positive + 1) / 2) / (positive * negative))


def tell_gold(record: RunRecord) -> None:
    """Print, of each method's correct predictions, what maps, edits and the generator say."""
    header = ("test", "map", "method", "right", "PT", "causal", "gold", "AUC map", "AUC gap")
    print()
    print("of the correct predictions, in %; AUC against gold; stays: edited / the generator's own")
    print("{:9} {:18} {:12} {:>5} {:>6} {:>6} {:>6} {:>8} {:>8}".format(*header), end="")
    print("  on other backgrounds  without the object")
    pooled: dict[str, list[tuple[NDArray[np.float64], NDArray[np.float64], Flags]]] = {}
    causes: dict[tuple[str, str], tuple[Outcomes, Flags]] = {}
    asked: dict[tuple[str, str], tuple[NDArray[np.float64], Flags]] = {}
    for cell in record.cells:
        classifier = (cell.key.dataset, cell.key.finetuner)
        if classifier not in asked:  # maps don't change what the generator says
            restored = restore_classifier(record, cell, discover())
            asked[classifier] = ask_generator(restored.classifier, _split(record, cell))
        outcomes, gold, scores = _tell_cell(record, cell, *asked[classifier])
        test = f"{cell.key.dataset}, {cell.key.attribution}"
        pooled.setdefault(test, []).append((*scores, gold[outcomes.correct]))
        causes[test, cell.key.finetuner] = outcomes, gold
    for test, found in pooled.items():
        maps, gaps, gold = (np.concatenate(part) for part in zip(*found, strict=True))
        print(
            f"{test}: all methods' correct predictions together: AUC of the map "
            f"{area_under_curve(maps, gold):.3f}, of the gap {area_under_curve(gaps, gold):.3f}"
        )
    _tell_gain(causes)


def _tell_cell(
    record: RunRecord, cell: CellRecord, kept: NDArray[np.float64], without: Flags
) -> tuple[Outcomes, Flags, tuple[NDArray[np.float64], NDArray[np.float64]]]:
    gold = (kept >= 0.5) & ~without
    rows, answers = record.rows(cell).to_pandas(), record.answers(cell).to_pandas()
    right = rows["correct"].to_numpy()
    on = answers["kept_on_object"].to_numpy(dtype=np.float64)
    gone = answers["kept_without_object"].to_numpy(dtype=bool)
    causal = (on >= 0.5) & ~gone
    maps = rows["score"].fillna(0.0).to_numpy(dtype=np.float64)[right]
    gaps = answers["gap"].to_numpy(dtype=np.float64)[right]
    valid = rows["valid"].to_numpy()
    shares = [100 * part[right].mean() for part in (valid, causal, gold)]
    areas = [area_under_curve(values, gold[right]) for values in (maps, gaps)]
    stays = [100 * part[right].mean() for part in (on, kept, gone, without)]
    print(
        f"{cell.key.dataset:9} {cell.key.attribution:18} {cell.key.finetuner:12}"
        + f" {int(right.sum()):5}"
        + "".join(f" {share:6.1f}" for share in shares)
        + "".join(f" {area:8.3f}" for area in areas)
        + f"  {stays[0]:8.1f} / {stays[1]:5.1f}      {stays[2]:8.1f} / {stays[3]:5.1f}"
    )
    return Outcomes(right, valid, causal=causal), gold, (maps, gaps)


def _split(record: RunRecord, cell: CellRecord) -> ShapesSplit:
    entry = next(e for e in record.spec_resolved["dataset"] if e["name"] == cell.key.dataset)
    params = {name: value for name, value in entry["params"].items() if value is not None}
    seed = params.pop("seed", record.seeds[0])
    split = rateval.create("dataset", "shapes", seed=seed, **params).test
    assert isinstance(split, ShapesSplit)
    return split


def _tell_gain(causes: Mapping[tuple[str, str], tuple[Outcomes, Flags]]) -> None:
    for test in dict.fromkeys(test for test, _ in causes):
        if not {(test, "ft"), (test, "evidence-ft")} <= causes.keys():
            continue
        shares = []
        for method in ("evidence-ft", "ft"):
            outcomes, gold = causes[test, method]
            assert outcomes.causal is not None
            right = outcomes.correct
            shares.append([part[right].mean() for part in (outcomes.valid, outcomes.causal, gold)])
        gains = 100 * (np.array(shares[0]) - np.array(shares[1]))
        print(
            f"{test}: evidence-ft − ft: by map {gains[0]:+.1f}, causal {gains[1]:+.1f}, "
            f"gold {gains[2]:+.1f}"
        )


def main(arguments: Iterator[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", help="a finished run of drawn scenes with [counterfactual]")
    parser.add_argument("--rounds", type=int, default=3)
    parsed = parser.parse_args(None if arguments is None else list(arguments))
    tell_costs(parsed.rounds)
    if parsed.run:
        tell_gold(rateval.load(parsed.run))
        return
    with tempfile.TemporaryDirectory() as folder:
        tell_gold(run_study(folder))


if __name__ == "__main__":
    main()
