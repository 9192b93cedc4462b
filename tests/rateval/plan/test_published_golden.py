"""A study by ``aaai25`` reaches the published code's own counts, PT and IR on the golden model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from rateval.api import Classifier, Context, Model, Outcomes
from rateval.plan.cells import Cell
from rateval.plan.plan import Plan
from rateval.plan.planning import make_plan
from rateval.registry.discovery import discover
from rateval.spec.document import Document
from rateval.workbench.build import build
from rateval_clip.model import make_clip
from rateval_clip.params import ClipParams

GOLDEN = Path(__file__).parents[2] / "golden"
MASKS = ("box", "box2", "blob", "blobs2", "full", "empty")
PUBLISHED_DEPTH = {"zs": "zs_heat_last", "flcp": "zs_heat_last", "lp": "lp_heat_all"}
ONE_DEPTH = {"zs": "zs_heat_all", "flcp": "zs_heat_all", "lp": "lp_heat_all"}
ARCHITECTURE = {
    "embed_dim": 32,
    "quick_gelu": True,
    "vision_cfg": {
        "image_size": 64,
        "patch_size": 16,
        "width": 128,
        "head_width": 64,
        "layers": 4,
    },
    "text_cfg": {"context_length": 77, "vocab_size": 100, "width": 64, "heads": 1, "layers": 2},
}
Arrays = dict[str, torch.Tensor]


class Given:
    """Score by the golden file's prompts or by its linear head."""

    def __init__(self, model: Model, given: Arrays, *, head: bool) -> None:
        self.model, self._given, self._head = model, given, head
        with torch.no_grad():
            self._prompts = F.normalize(model.encode_text(given["tokens"].long()), dim=-1)

    def logits(self, images: torch.Tensor) -> torch.Tensor:
        if self._head:
            weight, bias = self._given["lp_weight"].float(), self._given["lp_bias"].float()
            return F.linear(self.model.features(images), weight, bias)
        embedding = F.normalize(self.model.encode_image(images), dim=-1)
        return self.model.logit_scale * embedding @ self._prompts.T

    decision = None

    def state(self) -> Arrays:
        return {}


@pytest.fixture(scope="module")
def given() -> Arrays:
    with np.load(GOLDEN / "clip_a_inputs.npz") as file:
        return {key: torch.from_numpy(file[key]) for key in file}


@pytest.fixture(scope="module")
def model() -> Model:
    weights = str(GOLDEN / "clip_a.safetensors")
    return make_clip(ClipParams(architecture=ARCHITECTURE, pretrained=weights), Context())


@pytest.fixture(scope="module")
def counts() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((GOLDEN / "clip_ptir.json").read_text())["clip_a"]
    return found


def plan_of(protocol: str) -> Plan:
    spec: dict[str, Any] = {
        "study": {"name": "golden", "protocol": protocol},
        "dataset": [{"use": "shapes"}],
        "model": [{"use": "clip"}],
        "finetune": [{"use": use} for use in ("zs", "lp", "flcp")],
    }
    return make_plan(Document("spec", spec, ""), discover(third_party=False))


def judge(plan: Plan, cell: Cell, classifier: Classifier, given: Arrays, mask: str) -> Outcomes:
    """Explain and judge as the cell's own attribution and the plan's own validator do."""
    images, labels = given["images"].float(), given["labels"].long()
    explanation = build(cell.attribution, Context()).explain(classifier, images, labels)
    masks = given["masks"][:, MASKS.index(mask)].bool()
    verdict = build(plan.validators[0], Context()).judge(explanation.relevance, masks)
    with torch.no_grad():
        correct = classifier.logits(images).argmax(1) == labels
    return Outcomes(correct.numpy(), verdict.valid.numpy())


@pytest.mark.parametrize("mask", MASKS)
@pytest.mark.parametrize(
    ("protocol", "published"), [("aaai25", PUBLISHED_DEPTH), ("matched", ONE_DEPTH)]
)
def test_counts_pt_and_ir(
    model: Model,
    given: Arrays,
    counts: dict[str, Any],
    protocol: str,
    published: dict[str, str],
    mask: str,
) -> None:
    plan = plan_of(protocol)
    assert [cell.finetuner.label for cell in plan.cells] == ["zs", "lp", "flcp"]
    for cell in plan.cells:
        kind = published[cell.finetuner.label]
        classifier = Given(model, given, head=kind.startswith("lp"))
        outcomes = judge(plan, cell, classifier, given, mask)
        quadrants = [count / 16 for count in outcomes.quadrants().values()]
        assert quadrants == counts[mask][f"{kind}_rr_rw_wr_ww"]
        scores = {m.label: build(m, Context()).compute(outcomes).value for m in plan.metrics}
        if mask == "empty":
            assert scores["ir"] is None, "where the published code divides by zero"
        else:
            assert scores["pt"] == pytest.approx(counts[mask][kind]["PT"], abs=5e-6)
            assert scores["ir"] == pytest.approx(counts[mask][kind]["IR"], abs=5e-6)


def test_the_two_depths_differ_on_this_model(counts: dict[str, Any]) -> None:
    """Else the tests above could not tell one protocol from the other."""
    differing = [
        mask
        for mask in MASKS
        if counts[mask]["zs_heat_last_rr_rw_wr_ww"] != counts[mask]["zs_heat_all_rr_rw_wr_ww"]
    ]
    assert len(differing) >= 3
