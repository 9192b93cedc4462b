"""A checkpoint of unknown kind: its tensors, their plain names, and how near it is to another."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch

from rateval.errors import RatevalError
from rateval.json_file import read_json
from rateval.modelkit.checkpoint_files.copies import WRAPPERS
from rateval.modelkit.checkpoint_files.loading import read_shards
from rateval.modelkit.checkpoint_files.reading import only_tensors, read_content
from rateval.modelkit.checkpoint_files.shards import is_index, locate_shards
from rateval.modelkit.checkpoint_files.wrappers import unwrap
from rateval.wording import list_some

_SUFFIXES = (".safetensors", ".pt", ".pth", ".bin", ".ckpt")
_ADAPTER = "adapter_config.json"
_NO_MODEL = (
    "head.safetensors",
    "optimizer.pt",
    "optimizer.bin",
    "scheduler.pt",
    "training_args.bin",
)
"""What lies beside a model's weights and holds none."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """A checkpoint, read before anybody knows which model it is of."""

    file: Path
    """The file of its weights, or the index of its shards."""
    weights: Mapping[str, torch.Tensor]
    """On the CPU, by the names in the file."""
    averaged: bool
    """Whether there are averaged weights alone."""
    base: str = ""
    """What an adapter says that it was trained on: a path or a published name."""
    both: str = ""
    """What says that trained and averaged weights are there, and which of them were taken."""


def read_unknown(checkpoint: Path) -> Unknown:
    """Read a file of weights, or a folder with one.

    Raises RatevalError when there is none, or several, or it can't be read safely.
    """
    file = find_weights_file(checkpoint)
    content = read_shards(file) if is_index(file) else read_content(file)
    try:
        unwrapped = unwrap(content, None, file)
    except RatevalError:
        unwrapped = unwrap(content, "ema", file)
    weights = only_tensors(unwrapped.content, file)
    config = file.parent / _ADAPTER
    base = ""
    if file.stem == "adapter_model" and config.is_file():
        said = read_json(config).get("base_model_name_or_path")
        base = said if isinstance(said, str) else ""
    both = "" if unwrapped.averaged else "; ".join(unwrapped.notes)
    return Unknown(file, weights, unwrapped.averaged, base, both)


def find_weights_file(checkpoint: Path) -> Path:
    """Return the file of a folder that holds the weights, or its index of shards; a file itself.

    An adapter goes before the model that it may lie beside, safetensors before other forms of the
    same. Raises RatevalError when there is none, or several could be meant.
    """
    if checkpoint.is_file():
        return checkpoint
    files = [
        file
        for file in sorted(checkpoint.iterdir())
        if (file.suffix in _SUFFIXES or is_index(file)) and file.name not in _NO_MODEL
    ]
    shards = {shard for file in files if is_index(file) for shard in locate_shards(file)}
    whole = [file for file in files if file not in shards]
    for fitting in (
        [file for file in whole if file.stem == "adapter_model"],
        [file for file in whole if ".safetensors" in file.suffixes],
        whole,
    ):
        if len(fitting) == 1:
            return fitting[0]
        if fitting:
            raise RatevalError(
                f"{checkpoint}: holds several files of weights, "
                f"{list_some(file.name for file in fitting)}; give the one that is meant"
            )
    raise RatevalError(
        f"{checkpoint}: holds no weights ({', '.join(_SUFFIXES)}); give the file, or the folder "
        "that it lies in"
    )


def plain_names(given: Iterable[str], anchor: str) -> dict[str, dict[str, str]]:
    """Return, by what stands before ``anchor``, the names behind it, each with its own in the file.

    What torch.compile, DataParallel and others put into names is taken out.

    >>> plain_names(["net.module.a.b", "net.module.a.c", "fc.w"], "a.b")
    {'net.': {'a.b': 'net.module.a.b', 'a.c': 'net.module.a.c'}}
    """
    names = {
        ".".join(part for part in key.split(".") if part not in WRAPPERS): key for key in given
    }
    found = {}
    for name in names:
        before = name.removesuffix(anchor)
        if name.endswith(anchor) and (not before or before.endswith(".")):
            behind = {n.removeprefix(before): k for n, k in names.items() if n.startswith(before)}
            found[before] = behind
    return found


def relative_distance(
    one: Mapping[str, torch.Tensor], other: Mapping[str, torch.Tensor], names: Iterable[str]
) -> float | None:
    """Return how far apart two models' weights are, of 1 for their size; None for none in common.

    Weights that were trained apart are about 1.4 apart, fine-tuned ones much less from those that
    they began with.

    >>> a = {"w": torch.tensor([3.0, 4.0])}
    >>> relative_distance(a, {"w": torch.tensor([3.0, 3.0])}, ["w"])
    0.2
    """
    apart = size = 0.0
    for name in names:
        if name in one and name in other and one[name].shape == other[name].shape:
            first, second = one[name].double(), other[name].double()
            apart += float((first - second).square().sum())
            size += float(first.square().sum())
    return round((apart / size) ** 0.5, 6) if size else None
