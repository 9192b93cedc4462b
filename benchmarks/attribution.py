"""Compare predict + explain with a plain forward pass of open_clip, in images per second.

Weights are random, which changes no timing. Every method runs once in each round, so that a slow
moment of the machine falls on all of them; the median over rounds counts.

    python benchmarks/attribution.py --architecture ViT-B-32 --batch 16 --rounds 5 --threads 1
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import torch
from torch.nn import functional as F

from rateval.api import Context, Model
from rateval_attention.attribution import make_generic_attention
from rateval_attention.params import GenericAttentionParams
from rateval_clip.model import make_clip
from rateval_clip.params import ClipParams

CLASSES = 100


class Cosine:
    """Classify by scaled cosine to fixed class embeddings, as zero-shot does."""

    def __init__(self, model: Model, embeddings: torch.Tensor) -> None:
        self.model = model
        self.embeddings = F.normalize(embeddings, dim=-1)

    def logits(self, images: torch.Tensor) -> torch.Tensor:
        embedding = F.normalize(self.model.encode_image(images), dim=-1)
        return self.model.logit_scale * embedding.float() @ self.embeddings.T

    def state(self) -> dict[str, torch.Tensor]:
        return {}


def measure(
    methods: dict[str, Callable[[], object]], rounds: int, synchronise: Callable[[], None]
) -> dict[str, float]:
    """Return each method's median time in seconds."""
    times: dict[str, list[float]] = {name: [] for name in methods}
    for round_ in range(rounds + 1):
        for name, method in methods.items():
            synchronise()
            start = time.perf_counter()
            method()
            synchronise()
            if round_:  # the first one warms up
                times[name].append(time.perf_counter() - start)
    return {name: statistics.median(values) for name, values in times.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--architecture", default="ViT-B-32", help="a name that open_clip knows")
    parser.add_argument("--batch", type=int, default=16, help="images in a batch")
    parser.add_argument("--rounds", type=int, default=5, help="timed repetitions of each method")
    parser.add_argument("--threads", type=int, default=1, help="threads of torch on the CPU")
    parser.add_argument("--device", default="cpu", help="a torch device, such as cuda")
    options = parser.parse_args()

    torch.set_num_threads(options.threads)
    params = ClipParams(architecture=options.architecture, pretrained="random")
    model = make_clip(params, Context(device=options.device))
    generator = torch.Generator().manual_seed(0)
    height, width = model.image_size
    images = torch.randn(options.batch, 3, height, width, generator=generator).to(options.device)
    labels = torch.randint(CLASSES, (options.batch,), generator=generator).to(options.device)
    with torch.no_grad():
        size = model.features(images[:1]).shape[1]
    classes = torch.randn(CLASSES, size, generator=generator).to(options.device)
    classifier = Cosine(model, classes)
    last, every = (
        make_generic_attention(GenericAttentionParams(layers=layers), Context())
        for layers in ("last", "all")
    )

    @torch.inference_mode()
    def forward() -> None:
        model.image_tower(images)

    times = measure(
        {
            "plain forward": forward,
            "predict + explain, last": lambda: last.explain(classifier, images, labels),
            "predict + explain, all": lambda: every.explain(classifier, images, labels),
        },
        options.rounds,
        torch.cuda.synchronize if options.device.startswith("cuda") else lambda: None,
    )
    print(
        f"{options.architecture}, {height} x {width}, batch {options.batch}, {options.device}, "
        f"{options.threads} thread(s), float32, torch {torch.__version__}, "
        f"median of {options.rounds} rounds"
    )
    print(f"{'':24}{'images/s':>10}{'of forward':>12}")
    for name, seconds in times.items():
        ratio = times["plain forward"] / seconds
        print(f"{name:24}{options.batch / seconds:10.2f}{ratio:12.2f}")


if __name__ == "__main__":
    main()
