from __future__ import annotations

from importlib.util import find_spec

import pytest

from rateval.api.component import Component
from rateval.api.kinds import KINDS, Kind
from rateval.registry.discovery import discover
from rateval.testing import check_component, check_declaration

REGISTRY = discover(third_party=False, environment={})
BUNDLED: list[tuple[Kind, Component]] = [
    (kind, registered.component)
    for kind in KINDS
    for registered in REGISTRY.of_kind(kind)
    # LAVIS and trackers have environments and tests of their own: make test-lavis test-trackers.
    if kind != "tracker" and ("lavis" not in registered.component.requires or find_spec("lavis"))
]

TINY_CLIP = {
    "embed_dim": 32,
    "vision_cfg": {
        "image_size": 48,
        "layers": 2,
        "width": 64,
        "head_width": 32,
        "patch_size": 16,
    },
    "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": 32, "heads": 1, "layers": 1},
}

# What a check needs beside the defaults: weights that need no file, short training.
PARAMS: dict[tuple[Kind, str], dict[str, object]] = {
    ("model", "clip"): {"architecture": TINY_CLIP, "pretrained": "random"},
    ("finetuner", "ft"): {"epochs": 2, "lr": 1e-3, "batch_size": 10},
    ("finetuner", "evidence-ft"): {"epochs": 2, "lr": 1e-3, "batch_size": 10},
    ("attribution", "cross-attention-grad-cam"): {"layer": 1},  # the tiny model has two
    ("attribution", "integrated-gradients"): {"steps": 4},
    ("shift", "corruption"): {"type": "elastic_transform", "severity": 3},
}


# Their files are made by their own tests, which check the objects, too.
NEED_FILES = (
    {("model", name) for name in ("hf-clip", "lavis-albef", "lavis-blip", "vlm")}
    | {("model", "lavis-albef-vqa")}
    | {("finetuner", "checkpoint"), ("attribution", "precomputed")}
    | {("executor", "ray"), ("executor", "slurm")}
    | {
        ("dataset", name)
        for name in (
            *("caltech101", "cub200", "imagenet", "imagenet-c", "stanford-dogs"),
            *("coco", "datumaro", "folder", "huggingface", "photo", "table"),
            "webdataset",
            *("gqa", "vqa-v2", "vizwiz-vqa-grounding"),
            *("coco-captions", "flickr30k-entities"),
        )
    }
)


@pytest.mark.parametrize(
    ("kind", "component"), BUNDLED, ids=[f"{kind}-{c.name}" for kind, c in BUNDLED]
)
def test_keeps_its_promises(kind: Kind, component: Component) -> None:
    if (kind, component.name) in NEED_FILES:
        check_declaration(component, kind)
    else:
        check_component(component, kind, **PARAMS.get((kind, component.name), {}))


def test_no_bundled_plugin_is_left_out() -> None:
    assert not REGISTRY.broken
    assert {("finetuner", "zs"), ("validator", "relevance-mass"), ("metric", "ir")} <= {
        (kind, component.name) for kind, component in BUNDLED
    }
