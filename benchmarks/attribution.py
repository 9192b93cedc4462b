"""Time predict + explain + judge, against a plain forward pass and the published procedure.

Weights are random, which changes no timing. Every method runs once in each round, and its fastest
round counts: what slows a round is other work. Peak memory is taken in processes of their own.

    OMP_NUM_THREADS=1 python benchmarks/attribution.py --architecture ViT-B-32 --batch 32

The last column is the gain of ``[run] precision``: how many times as fast as in float32 the method
is, in the same rounds. A GPU is used and named where there is one; its first column counts.

The published procedure is written here from its description: one image at a time, the label's
prompt encoded for each, weights that keep their graph, the attention of all layers, one gradient
call for each layer that is explained (the last one for zero-shot, all for a linear head), products
of whole matrices, and another forward pass in batches for the prediction. Left out in its favour:
the prompts of all classes, which it encodes again for every batch, and its judgement of the maps.
"""

from __future__ import annotations

import argparse
import importlib.util
import resource
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import torch
from torch import nn

import rateval
from rateval.api import Classifier, Context, Model
from rateval.machine.device import describe_device, resolve_device
from rateval.machine.precision import HALVES, in_precision, require_precision
from rateval.modelkit import record_probabilities
from rateval_clip.recording import attend_multihead

CLASSES = [f"thing number {index}" for index in range(100)]
FORWARD, ZERO_SHOT, HEAD = "plain forward", "published, last", "published, all"
LAST, ALL, HALF = "rateval, last", "rateval, all", " in half precision"
REFERENCE = {LAST: ZERO_SHOT, ALL: HEAD}
Work = Callable[[], object]


@dataclass(frozen=True, slots=True)
class Case:  # a zero-shot classifier of random weights, and noise with boxes as evidence
    model: Model
    classifier: Classifier
    images: torch.Tensor
    labels: torch.Tensor
    masks: torch.Tensor


def make_case(architecture: str, batch: int, device: str) -> Case:
    params = {"architecture": architecture, "pretrained": "random"}
    model = rateval.create("model", "clip", context=Context(device=device), **params)
    classifier = rateval.create("finetuner", "zs").restore(model, CLASSES, {})
    draw = torch.Generator().manual_seed(0)
    height, width = model.card.image_size
    images = torch.randn(batch, 3, height, width, generator=draw)
    labels = torch.randint(len(CLASSES), (batch,), generator=draw)
    masks = torch.zeros(batch, height, width, dtype=torch.bool)
    masks[:, height // 4 : height * 3 // 4, width // 3 : width * 2 // 3] = True
    return Case(model, classifier, images.to(device), labels.to(device), masks.to(device))


@torch.inference_mode()
def plain_forward(case: Case) -> None:
    case.model.encode_image(case.images)


def make_whole(layers: str) -> Callable[[Case], None]:
    """Make predict + explain + judge, as a study does it."""
    attribution = rateval.create("attribution", "generic-attention", layers=layers)
    validator = rateval.create("validator", "relevance-mass")

    def whole(case: Case) -> None:
        explanation = attribution.explain(case.classifier, case.images, case.labels)
        assert explanation.logits is not None
        explanation.logits.argmax(dim=1).tolist()
        validator.judge(explanation.relevance, case.masks).valid.tolist()

    return whole


def published(case: Case, *, zero_shot: bool, count: int) -> None:
    """Explain ``count`` images one by one, as the module's docstring says."""
    case.model.module.requires_grad_(True)
    tower: Any = case.model.image_tower
    attentions = enumerate(block.attn for block in tower.transformer.resblocks)
    plain = {layer: (part, attend_multihead(part)) for layer, part in attentions}
    layers = list(plain)
    for index in range(count):
        label = int(case.labels[index])
        with record_probabilities(plain) as recorded:
            logits = case.classifier.logits(case.images[index : index + 1])
        score = logits[0, label]
        if zero_shot:
            (prompts,) = case.model.prompts([CLASSES[label]])
            score = score + 0 * case.model.encode_text(prompts).sum()
        relevance = torch.eye(recorded[0].shape[-1], device=logits.device)
        for layer in layers[-1:] if zero_shot else layers:
            (gradient,) = torch.autograd.grad(score, recorded[layer], retain_graph=True)
            product = (gradient * recorded[layer]).detach().clamp(min=0).mean(dim=1)[0]
            relevance = relevance + product @ relevance
        relevance[0, 1:].tolist()
    case.model.module.requires_grad_(False)


class Network(nn.Module):
    """A classifier as other libraries expect one."""

    def __init__(self, classifier: Classifier) -> None:
        super().__init__()
        self.tower = classifier.model.image_tower
        self.forward = classifier.logits


def captum_layer(case: Case, count: int) -> None:
    from captum.attr import LayerIntegratedGradients

    tower: Any = case.model.image_tower
    method = LayerIntegratedGradients(Network(case.classifier), tower.transformer.resblocks[-1])
    images, labels = case.images[:count], case.labels[:count]
    method.attribute(images, target=labels, n_steps=50, internal_batch_size=count)


def grad_cam(case: Case, count: int) -> None:
    from pytorch_grad_cam import GradCAM
    from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

    tower: Any = case.model.image_tower

    def reshape(tokens: torch.Tensor) -> torch.Tensor:
        return tokens[:, 1:].mT.reshape(len(tokens), -1, *case.model.grid)

    layers = [tower.transformer.resblocks[-1].ln_1]
    targets = [ClassifierOutputTarget(label) for label in case.labels[:count].tolist()]
    with GradCAM(Network(case.classifier), layers, reshape_transform=reshape) as method:
        # Where no weight requires a gradient, it finds none unless the images do.
        method(input_tensor=case.images[:count].clone().requires_grad_(), targets=targets)


def time_all(methods: dict[str, tuple[Work, int]], rounds: int, device: str) -> dict[str, float]:
    """Return each method's shortest time in seconds per image."""
    wait: Work = torch.cuda.synchronize if device.startswith("cuda") else (lambda: None)
    times: dict[str, list[float]] = {name: [] for name in methods}
    for round_ in range(rounds + 1):
        for name, (work, images) in methods.items():
            start = time.perf_counter()
            work()
            wait()
            if round_:  # the first one warms up
                times[name].append((time.perf_counter() - start) / images)
    return {name: min(values) for name, values in times.items()}


def print_speed(options: argparse.Namespace) -> None:
    batch, count = options.batch, min(options.single, options.batch)
    case, half = (make_case(options.architecture, batch, options.device) for _ in range(2))
    ours = {FORWARD: plain_forward, LAST: make_whole("last"), ALL: make_whole("all")}
    methods: dict[str, tuple[Work, int]] = {}
    for name, method in ours.items():
        methods[name] = partial(method, case), batch
        methods[name + HALF] = partial(method, half), batch
    for name, zero_shot in ((ZERO_SHOT, True), (HEAD, False)):
        methods[name] = partial(published, case, zero_shot=zero_shot, count=count), count
    with in_precision(half.model, options.precision, options.device):
        times = time_all(methods, options.rounds, options.device)
    times |= {name: times[name] + times[FORWARD] for name in (ZERO_SHOT, HEAD)}  # its prediction
    libraries: dict[str, tuple[str, Work, int]] = {
        "captum LayerIG": ("captum", partial(captum_layer, case, count), count),
        "pytorch-grad-cam": ("pytorch_grad_cam", partial(grad_cam, case, batch), batch),
    }
    for name, (module, work, images) in libraries.items() if options.libraries else ():
        if importlib.util.find_spec(module):
            times |= time_all({name: (work, images)}, 1, options.device)
        else:
            print(f"{name} is left out: there is no module {module}")
    print_table(times, options.precision)


def print_table(times: dict[str, float], precision: str) -> None:
    print(f"{'':18}{'images/s':>10}{'of forward':>14}{'of published':>14}{precision:>14}")
    for name, seconds in times.items():
        if not name.endswith(HALF):
            beaten, half = times.get(REFERENCE.get(name, "")), times.get(name + HALF)
            ratios = times[FORWARD] / seconds, beaten and beaten / seconds, half and seconds / half
            cells = "".join(f"{ratio:14.2f}" if ratio else " " * 14 for ratio in ratios)
            print(f"{name:18}{1 / seconds:10.2f}{cells}")


def own_peak(kind: str, options: argparse.Namespace) -> float:
    """Return the peak memory of this process, in MiB, while it explains or keeps a graph."""
    case = make_case(options.architecture, options.memory_batch, options.device)
    # Loading takes more than the model; Linux can forget that.
    forget = Path("/proc/self/clear_refs")
    if forget.exists():
        forget.write_text("5")
    if kind == "all":
        make_whole("all")(case)
    else:
        case.model.module.requires_grad_(True)
        case.classifier.logits(case.images)
    if options.device.startswith("cuda"):
        return torch.cuda.max_memory_allocated() / 2**20
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)


def print_memory(options: argparse.Namespace) -> None:
    peaks = {}
    for kind in ("kept", "all"):
        with ProcessPoolExecutor(1, get_context("spawn")) as process:
            peaks[kind] = process.submit(own_peak, kind, options).result()
    print(
        f"peak memory, batch {options.memory_batch}: rateval, all {peaks['all']:.0f} MiB; forward "
        f"with its graph kept {peaks['kept']:.0f} MiB; ratio {peaks['all'] / peaks['kept']:.2f}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--architecture", default="ViT-B-32", help="a name that open_clip knows")
    parser.add_argument("--batch", type=int, default=32, help="images in a batch")
    parser.add_argument("--rounds", type=int, default=5, help="timed repetitions of each method")
    parser.add_argument("--device", default="auto", help="auto, cpu, mps, cuda or cuda:N")
    parser.add_argument("--precision", default=HALVES[0], choices=HALVES, help="last column")
    parser.add_argument("--single", type=int, default=2, help="images of the published procedure")
    parser.add_argument("--libraries", action="store_true", help="time other libraries as well")
    parser.add_argument("--memory-batch", type=int, default=64, help="images; 0 leaves memory out")
    options = parser.parse_args()
    options.device = resolve_device(options.device)
    require_precision(options.precision, options.device)
    print(
        f"{options.architecture}, batch {options.batch}, {describe_device(options.device)}, "
        f"{torch.get_num_threads()} thread(s), torch {torch.__version__}, best of {options.rounds}"
    )
    print_speed(options)
    if options.memory_batch:
        print_memory(options)


if __name__ == "__main__":
    main()
