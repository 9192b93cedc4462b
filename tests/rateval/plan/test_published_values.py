"""The published values as data, and which entries of a spec they belong to."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from itertools import product
from typing import Any

import pytest

from rateval.checkpoints.official import load_checkpoints
from rateval.plan.published_values import (
    DATASETS,
    METHODS,
    count_directions,
    identify_dataset,
    identify_method,
    identify_model,
    load_published_values,
)

MODELS = ("albef-b16", "blip-b16", "clip-b16", "clip-b32")


def test_there_are_128_one_for_each_place() -> None:
    values = load_published_values()
    places = [(v.metric, v.method, v.model, v.dataset) for v in values]
    assert sorted(places) == sorted(product(("PT", "IR"), METHODS, MODELS, DATASETS))
    assert len(values) == 128
    assert all(0 <= value.percent <= 100 for value in values)


def test_pt_falls_in_40_of_48_pairs_and_ir_rises_in_all() -> None:
    table = {(v.metric, v.method, v.model, v.dataset): v.percent for v in load_published_values()}
    found: Counter[tuple[str, str]] = Counter()
    for (metric, method, model, dataset), percent in table.items():
        before = table[metric, "zs", model, dataset]
        if method != "zs":
            way = "falls" if percent < before else "rises" if percent > before else "stays"
            found[metric, way] += 1
    assert found == {("PT", "falls"): 40, ("PT", "rises"): 8, ("IR", "rises"): 48}
    assert count_directions(load_published_values()) == {"PT": (8, 48), "IR": (48, 48)}


def entry(component: str, digest: str | None = None, **params: Any) -> dict[str, Any]:
    return {"component": component, "params": params, "digest": digest, "name": "clip-b32"}


@pytest.mark.parametrize(("name", "model"), [("32", "clip-b32"), ("16", "clip-b16")])
def test_clip_is_told_by_the_bytes_of_openais_file(name: str, model: str) -> None:
    rows = {row.name: row for row in load_checkpoints()}
    sha256 = rows[f"clip-vit-b-{name}"].sha256
    digest = hashlib.sha256(json.dumps({"weights": sha256}).encode()).hexdigest()
    for architecture in (f"ViT-B-{name}", f"ViT-B-{name}-quickgelu"):
        given = {"architecture": architecture, "pretrained": "renamed.pt"}
        assert identify_model(entry("clip", digest, **given)).name == model
        assert identify_model(entry("clip", "0" * 64, **given)).name is None
    tagged = entry("clip", None, architecture=f"ViT-B-{name}", pretrained="openai")
    assert identify_model(tagged).name == model
    other = entry("clip", digest, architecture="ViT-L-14", pretrained="renamed.pt")
    assert "architecture ViT-L-14" in identify_model(other).why


@pytest.mark.parametrize(
    ("component", "file", "model"),
    [
        ("albef", "weights/ALBEF.pth", "albef-b16"),
        ("lavis-blip", "model_base.pth", "blip-b16"),
        ("blip", "blip-model_base.pth", "blip-b16"),
        ("blip", "blip-model_base_14M.pth", None),
        ("albef", "quickstart", None),
        ("hf-clip", "ALBEF.pth", None),
    ],
)
def test_albef_and_blip_are_told_by_the_names_of_their_files(
    component: str, file: str, model: str | None
) -> None:
    found = identify_model(entry(component, pretrained=file))
    assert found.name == model
    assert found.why


def test_labels_do_not_count() -> None:
    assert identify_method(entry("wise-ft")).name is None
    assert identify_method(entry("lp")).name == "lp"
    assert identify_dataset(entry("imagenet-c")).name is None
