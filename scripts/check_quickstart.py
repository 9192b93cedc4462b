"""Check that the quickstart's model and scenes show the phenomenon rateval is about.

    OMP_WAIT_POLICY=PASSIVE python scripts/check_quickstart.py --model FOLDER

Fine-tunes the tiny CLIP on biased scenes and prints accuracy, PT and IR (in percent) before and
after it, on biased and on unbiased test scenes, over all layers with the label as target: means
over the seeds with Student's 95 % interval, and the change seed by seed. ``--write`` keeps them for
the documents, as ``docs/figures/NAME.json``. It shares no code with rateval's components: the two
can be held against each other.
"""

from __future__ import annotations

import argparse
import dataclasses
import statistics
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import open_clip
import torch
import torch.nn.functional as F
from figures import FOLDER, ZERO_SHOT, Figures, Row, Triple, rounded, write
from scipy.stats import t
from torch import nn

from rateval_shapes.drawing import draw_scenes
from rateval_shapes.objects import TASK_OBJECTS
from rateval_shapes.scenes import plan_scenes
from rateval_shapes.streams import Stream

METRICS = ("accuracy", "pt", "ir")
Scenes = tuple[torch.Tensor, torch.Tensor, torch.Tensor]
Results = dict[tuple[str, str], list[list[float]]]
"""By test and method, one list of METRICS for each seed."""


class OpenAttention(nn.Module):
    """An nn.MultiheadAttention computed step by step, whose probabilities are kept."""

    def __init__(self, attention: nn.MultiheadAttention) -> None:
        super().__init__()
        self.inner = attention
        self.probabilities = torch.empty(0)

    def forward(self, x: torch.Tensor, *_: object, **__: object) -> tuple[torch.Tensor, None]:
        """Attend from (B, N, D) to itself."""
        heads = self.inner.num_heads
        qkv = F.linear(x, self.inner.in_proj_weight, self.inner.in_proj_bias)
        q, k, v = qkv.reshape(*x.shape[:2], 3, heads, -1).permute(2, 0, 3, 1, 4)
        self.probabilities = (q @ k.transpose(2, 3) * q.shape[-1] ** -0.5).softmax(3)
        out = (self.probabilities @ v).transpose(1, 2).flatten(2)
        return self.inner.out_proj(out), None


def load(folder: Path) -> tuple[nn.Module, torch.Tensor]:
    """Load the model with its attention open, and the classes' normalised embeddings (K, D)."""
    model, _, _ = open_clip.create_model_and_transforms(f"local-dir:{folder}")
    tokens = open_clip.get_tokenizer(f"local-dir:{folder}")
    prompts = tokens([f"a photo of a {name}" for name in TASK_OBJECTS])
    with torch.no_grad():
        classes = F.normalize(model.encode_text(prompts))
    for block in model.visual.transformer.resblocks:
        block.attn = OpenAttention(block.attn)
    return model.eval(), classes


def draw(model: nn.Module, stream: Stream, seed: int, count: int, bias: float) -> Scenes:
    """Draw hard scenes: normalised images, labels and masks."""
    visual = model.get_submodule("visual")
    mean, std = (torch.tensor(v).view(3, 1, 1) for v in (visual.image_mean, visual.image_std))
    images, labels, masks = [], [], []
    for at in range(0, count, 32):
        scenes = plan_scenes(
            seed, stream, range(at, min(at + 32, count)), objects=10, bias=bias, style="hard"
        )
        pixels, mask = draw_scenes(scenes)
        images.append(torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 255.0)
        labels.append(torch.from_numpy(scenes.target.kind))
        masks.append(torch.from_numpy(mask))
    return (torch.cat(images) - mean) / std, torch.cat(labels), torch.cat(masks)


@dataclass(frozen=True)
class Method:
    """A model and how it scores images (B, 3, H, W) as (B, K)."""

    model: nn.Module
    score: Callable[[torch.Tensor], torch.Tensor]


def zero_shot(model: nn.Module, classes: torch.Tensor) -> Method:
    """Score images by the scaled cosine to the classes' prompts."""
    visual = model.get_submodule("visual")
    scale = model.get_parameter("logit_scale").detach().exp()
    return Method(model, lambda images: scale * F.normalize(visual(images)) @ classes.T)


def fine_tune(model: nn.Module, train: Scenes, options: argparse.Namespace, seed: int) -> Method:
    """Train a linear head and the image tower by cross entropy, in place."""
    torch.manual_seed(seed)
    visual = model.get_submodule("visual")
    head = nn.Linear(64, len(TASK_OBJECTS))
    optimiser = torch.optim.Adam(
        [
            {"params": visual.parameters(), "lr": options.lr},
            {"params": head.parameters(), "lr": options.lr * options.head_rate},
        ]
    )
    images, labels, _ = train
    for _ in range(options.epochs):
        for batch in torch.split(torch.randperm(len(labels)), options.batch_size):
            loss = F.cross_entropy(head(visual(images[batch])), labels[batch])
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
    return Method(model, lambda images: head(visual(images)))


def explain(method: Method, images: torch.Tensor, labels: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """Return scores (B, K) and the relevance of each label's score, (B, 8, 8).

    Source: Chefer, Gur, Wolf: "Generic attention-model explainability", ICCV 2021.
    """
    scores = method.score(images)
    layers = [m.probabilities for m in method.model.modules() if isinstance(m, OpenAttention)]
    explained = scores[torch.arange(len(labels)), labels].sum()
    gradients = torch.autograd.grad(explained, layers)
    # The class token's row of (I + C_L) … (I + C_1), from the left: vectors, not matrices.
    row = torch.zeros(len(labels), 1, layers[0].shape[-1])
    row[:, 0, 0] = 1.0
    for gradient, layer in reversed(list(zip(gradients, layers, strict=True))):
        row = row + row @ (gradient * layer).clamp(min=0).mean(1)
    return scores.detach(), row[:, 0, 1:].reshape(-1, 8, 8).detach()


def evidence_share(relevance: torch.Tensor, masks: torch.Tensor) -> torch.Tensor:
    """Return the share of each heat map's mass that lies inside the mask, (B,)."""
    heat = F.interpolate(relevance[:, None], masks.shape[1:], mode="bilinear")[:, 0].double()
    low, high = heat.amin((1, 2), keepdim=True), heat.amax((1, 2), keepdim=True)
    heat = (heat - low) / (high - low)
    # A constant map gives 0 / 0, which is never at least one half: not valid.
    return (heat * masks).sum((1, 2)) / heat.sum((1, 2))


def measure(method: Method, test: Scenes) -> list[float]:
    """Return accuracy, PT and IR."""
    correct, valid = [], []
    for images, labels, masks in zip(*(torch.split(part, 100) for part in test), strict=True):
        scores, relevance = explain(method, images, labels)
        correct.append(scores.argmax(1) == labels)
        valid.append(evidence_share(relevance, masks) >= 0.5)
    right, sound = torch.cat(correct), torch.cat(valid)
    both = (right & sound).sum().item()
    counts = (len(right), right.sum().item(), sound.sum().item())
    return [counts[1] / counts[0], both / counts[1], both / counts[2]]


def mean_interval(values: Sequence[float]) -> Triple:
    """Return a mean and its 95 % t interval, which several values have.

    >>> mean_interval([0.25, 0.75])[0], mean_interval([0.5])
    (0.5, (0.5, None, None))
    """
    mean = statistics.fmean(values)
    if len(values) < 2:
        return mean, None, None
    half = t.ppf(0.975, len(values) - 1) * statistics.stdev(values) / len(values) ** 0.5
    return rounded(mean, mean - half, mean + half)


def summarise(found: Results, seeds: Sequence[int]) -> Figures:
    """Return means over the seeds, and of ``ft`` the change against ``zs`` seed by seed."""
    rows = []
    for (test, method), of_seeds in found.items():
        pairs = zip(of_seeds, found[test, ZERO_SHOT], strict=True)
        changes = [[a - b for a, b in zip(one, zs, strict=True)] for one, zs in pairs]
        values, change = (
            dict(zip(METRICS, map(mean_interval, zip(*of, strict=True)), strict=True))
            for of in (of_seeds, changes)
        )
        beside = {} if method == ZERO_SHOT else {ZERO_SHOT: change}
        rows.append(Row(test, "clip", method, "all blocks", "relevance-mass", values, beside))
    return Figures("", seeds, 0.95, rows)


def report(found: Figures) -> None:
    """Print means and changes in percent, with their intervals."""
    print(f"{'test':<10}{'method':<8}" + "".join(f"{name:<24}" for name in METRICS))
    for row in found.rows:
        for name, of in ((row.method, row.values), *(("change", c) for c in row.changes.values())):
            shown = "".join(f"{show(of[metric]):<24}" for metric in METRICS)
            print(f"{row.test:<10}{name:<8}{shown}")


def show(share: Triple) -> str:
    """Write a share in percent."""
    value, low, high = (None if x is None else f"{100 * x:.1f}" for x in share)
    return f"{value}" if low is None else f"{value} ({low} to {high})"


def parse() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--model", type=Path, required=True, help="folder of the tiny CLIP")
    parser.add_argument("--seeds", type=int, nargs="+", default=[101, 102, 103])
    parser.add_argument("--train-bias", type=float, default=0.9)
    parser.add_argument("--train-size", type=int, default=1000)
    parser.add_argument("--test-size", type=int, default=600)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--lr", type=float, default=3e-4)
    parser.add_argument("--head-rate", type=float, default=10.0, help="factor on the head's lr")
    parser.add_argument("--write", metavar="NAME", help="keep the figures under this name")
    parser.add_argument("--threads", type=int, default=1)
    return parser.parse_args()


def main() -> None:
    """Fine-tune and measure with every seed."""
    options = parse()
    torch.set_num_threads(options.threads)
    found: Results = defaultdict(list)
    for seed in options.seeds:
        (model, classes), (copy, _) = load(options.model), load(options.model)
        train = draw(model, Stream.TRAIN, seed, options.train_size, options.train_bias)
        methods = {"zs": zero_shot(model, classes), "ft": fine_tune(copy, train, options, seed)}
        for place, bias in (("biased", 0.9), ("unbiased", 0.0)):
            test = draw(model, Stream.TEST, seed, options.test_size, bias)
            for name, method in methods.items():
                found[place, name].append(measure(method, test))
    means = summarise(found, options.seeds)
    report(means)
    if options.write:
        write(dataclasses.replace(means, study=options.write), FOLDER / f"{options.write}.json")


if __name__ == "__main__":
    main()
