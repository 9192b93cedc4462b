"""The PT and IR that Wang et al., AAAI 2025, published, and what in a spec they belong to."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import PurePath
from typing import Any

from rateval.modelkit.digests import digest_sums
from rateval.records.scores.published import PublishedValue

METHODS = ("zs", "lp", "flcp", "ft")
DATASETS = ("imagenet", "caltech101", "cub200", "stanford-dogs")

_OPENAI = {
    "40d365715913c9da98579312b702a82c18be219cc2a73407c4526f58eba950af": ("clip-b32", "ViT-B-32"),
    "5806e77cd80f8b59890b7e101eabd078d9fb84e6937f9e85e4ecb61988df416f": ("clip-b16", "ViT-B-16"),
}
"""sha256 of OpenAI's files to the published name of the model, and its architecture."""
_FILES = {
    "albef": ("albef-b16", ("ALBEF.pth",)),
    "blip": ("blip-b16", ("model_base.pth", "blip-model_base.pth")),
}
"""Families whose publishers give no digest: name of the model, and of its file."""


@cache
def load_published_values() -> tuple[PublishedValue, ...]:
    """Read the 128 values that ship with rateval, in the order of the paper's tables."""
    file = resources.files("rateval.plan").joinpath("published_values.csv")
    rows = csv.DictReader(file.read_text(encoding="utf-8").splitlines())
    return tuple(
        PublishedValue(
            row["metric"], row["method"], row["model"], row["dataset"], float(row["percent"])
        )
        for row in rows
    )


def count_directions(values: Sequence[PublishedValue]) -> dict[str, tuple[int, int]]:
    """Return, for each metric, in how many pairs with zero-shot it rises, and of how many.

    >>> zs = PublishedValue("PT", "zs", "clip-b32", "cub200", 30.0)
    >>> ft = PublishedValue("PT", "ft", "clip-b32", "cub200", 20.0)
    >>> count_directions([zs, ft])
    {'PT': (0, 1)}
    """
    start = {(v.metric, v.model, v.dataset): v.percent for v in values if v.method == "zs"}
    found: dict[str, tuple[int, int]] = {}
    for value in values:
        if value.method != "zs":
            rises, pairs = found.get(value.metric, (0, 0))
            before = start[value.metric, value.model, value.dataset]
            found[value.metric] = (rises + (value.percent > before), pairs + 1)
    return found


@dataclass(frozen=True, slots=True)
class Identified:
    """What an entry of a resolved spec is among the published ones."""

    name: str | None
    """None where it is none of them."""
    why: str = ""
    """Why it is none, or what was taken for granted."""


def identify_model(entry: Mapping[str, Any]) -> Identified:
    """Return which published model an entry of ``spec_resolved`` is: by component and checkpoint.

    OpenAI's files are told by their bytes or by open_clip's tag, those of ALBEF and BLIP by the
    file's name, as no digest of them is published. Labels don't count.
    """
    component, params = entry.get("component"), entry.get("params", {})
    if component == "clip":
        return _identify_clip(str(params.get("architecture")), params, entry.get("digest"))
    family = str(component).removeprefix("lavis-")
    if family not in _FILES:
        return Identified(None, f"the paper has no model by the component {component}")
    name, files = _FILES[family]
    file = PurePath(str(params.get("pretrained"))).name
    if file not in files:
        return Identified(None, f"its checkpoint {file} is not {' or '.join(files)}")
    return Identified(
        name, f"taken for {name} by the name of its file, {file}: none gives a digest"
    )


def _identify_clip(architecture: str, params: Mapping[str, Any], digest: object) -> Identified:
    for sha256, (name, official) in _OPENAI.items():
        if architecture not in (official, f"{official}-quickgelu"):
            continue
        if params.get("pretrained") == "openai" or digest == digest_sums({"weights": sha256}):
            return Identified(name)
        return Identified(None, f"its checkpoint is not OpenAI's {official}.pt, by its bytes")
    return Identified(None, f"the paper has no CLIP of the architecture {architecture}")


def identify_dataset(entry: Mapping[str, Any]) -> Identified:
    """Return which published dataset an entry is: the component's name."""
    return _among(entry, DATASETS, "dataset")


def identify_method(entry: Mapping[str, Any]) -> Identified:
    """Return which published method an entry is: the component's name."""
    return _among(entry, METHODS, "method")


def _among(entry: Mapping[str, Any], known: Sequence[str], what: str) -> Identified:
    component = str(entry.get("component"))
    if component in known:
        return Identified(component)
    return Identified(None, f"the paper has no {what} by the component {component}")
