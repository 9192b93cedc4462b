"""Time predict + explain + judge, against a plain forward pass and the published procedure.

Weights are random, which changes no timing. Every method runs once in each round, and its fastest
round counts: what slows a round is other work. Peak memory is taken in processes of their own.

    OMP_NUM_THREADS=1 python benchmarks/attribution.py --architecture ViT-B-32 --batch 32

The last column is the gain of ``[run] precision``: how many times as fast as in float32 the method
is, in the same rounds; it is there where the device computes in such a format. A GPU is used and
named where there is one; its first column counts. It takes 4 minutes on 2 cores, less with smaller
``--batch`` or ``--rounds``, and ends within 10: rounds that no longer fit are left out.

The published procedure is written here from its description: one image at a time, the label's
prompt encoded for each, weights that keep their graph, the attention of all layers, one gradient
call for each layer that is explained (the last one for zero-shot, all for a linear head), products
of whole matrices, and another forward pass in batches for the prediction. Left out in its favour:
the prompts of all classes, which it encodes again for every batch, and its judgement of the maps.
"""

from __future__ import annotations

import argparse
import importlib.util
import multiprocessing
import resource
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pace
import torch
from cases import CLASSES, Case, captum_layer, grad_cam, make_case, plain_forward

import rateval
from rateval.machine.device import describe_device, resolve_device
from rateval.machine.precision import (
    HALVES,
    in_precision,
    possible_precisions,
    require_precision,
)
from rateval.modelkit import attend_multihead, record_probabilities

FORWARD, ZERO_SHOT, HEAD = "plain forward", "published, last", "published, all"
LAST, ALL, HALF = "rateval, last", "rateval, all", " in half precision"
REFERENCE = {LAST: ZERO_SHOT, ALL: HEAD}
Work = Callable[[], object]
SPEED_S, LIBRARY_S, MEMORY_S = 240.0, 30.0, 100.0
"""Limits of parts; what remains of ten minutes is for building models."""


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


def time_all(
    methods: dict[str, tuple[Work, int]], rounds: int, device: str, limit_s: float = SPEED_S
) -> dict[str, float]:
    """Return each method's shortest time in seconds per image."""
    wait: Work = torch.cuda.synchronize if device.startswith("cuda") else (lambda: None)
    times: dict[str, list[float]] = {name: [] for name in methods}
    for round_ in pace.rounds(rounds + 1, limit_s):
        for name, (work, images) in methods.items():
            start = time.perf_counter()
            work()
            wait()
            taken = time.perf_counter() - start
            if round_ == 0:
                pace.tell(f"{name}: warmed up in {taken:.1f} s")
            times[name].append(taken / images)
    # The first round warms up, and counts only where the time was out after it.
    return {name: min(values[1:] or values) for name, values in times.items()}


def print_speed(options: argparse.Namespace) -> None:
    batch, count = options.batch, min(options.single, options.batch)
    case, half = (make_case(options.architecture, batch, options.device) for _ in range(2))
    lowered = options.precision != "float32"
    ours = {FORWARD: plain_forward, LAST: make_whole("last"), ALL: make_whole("all")}
    methods: dict[str, tuple[Work, int]] = {}
    for name, method in ours.items():
        methods[name] = partial(method, case), batch
        if lowered:
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
            times |= time_all({name: (work, images)}, 1, options.device, LIBRARY_S)
        else:
            print(f"{name} is left out: there is no module {module}")
    print_table(times, options.precision)


def print_table(times: dict[str, float], precision: str) -> None:
    last = "" if precision == "float32" else precision
    print(f"{'':18}{'images/s':>10}{'of forward':>14}{'of published':>14}{last:>14}", flush=True)
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
        pace.tell(f"memory of {kind}, at most {MEMORY_S:.0f} s")
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            try:
                peaks[kind] = pool.apply_async(own_peak, (kind, options)).get(MEMORY_S)
            except multiprocessing.TimeoutError:
                pace.tell("left out: the limit is reached; try a smaller --memory-batch")
                return
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
    parser.add_argument(
        "--precision", choices=HALVES, help="last column (default: the first that the device has)"
    )
    parser.add_argument("--single", type=int, default=2, help="images of the published procedure")
    parser.add_argument("--libraries", action="store_true", help="time other libraries as well")
    parser.add_argument("--memory-batch", type=int, default=64, help="images; 0 leaves memory out")
    options = parser.parse_args()
    options.device = resolve_device(options.device)
    if options.precision is None:
        # float32 comes first, and stands for none.
        options.precision = possible_precisions(options.device)[:2][-1]
    require_precision(options.precision, options.device)
    if options.precision == "float32":
        pace.tell(f"{describe_device(options.device)} has no faster format: no last column")
    pace.tell("takes about 4 minutes on 2 cores, and less than 10 in any case")
    print(
        f"{options.architecture}, batch {options.batch}, {describe_device(options.device)}, "
        f"{torch.get_num_threads()} thread(s), torch {torch.__version__}, best of {options.rounds}"
    )
    print_speed(options)
    if options.memory_batch:
        print_memory(options)


if __name__ == "__main__":
    main()
