"""Public datasets of questions are recognised by the names of their files."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from rateval.api import Context
from rateval.drafting.draft import make_draft
from rateval.modelkit import Clues
from rateval.plan.planning import make_plan
from rateval.registry.discovery import discover
from rateval.spec.document import Document
from rateval.workbench.build import build
from rateval_datasets.detection.questions import detect_gqa, detect_vizwiz, detect_vqa_v2

DETECT = {"gqa": detect_gqa, "vqa": detect_vqa_v2, "vizwiz": detect_vizwiz}


@pytest.mark.parametrize("tree", DETECT)
def test_each_knows_its_own_and_no_other(tree: str, request: pytest.FixtureRequest) -> None:
    root: Path = request.getfixturevalue(tree)
    for name, detect in DETECT.items():
        guess = detect(Clues(data=root))
        assert (guess is not None) == (name == tree)
        assert guess is None or (guess.params, guess.sure) == ({"root": str(root)}, 3)
        assert detect(Clues()) is None


@pytest.mark.parametrize(
    ("tree", "name"), [("gqa", "gqa"), ("vqa", "vqa-v2"), ("vizwiz", "vizwiz-vqa-grounding")]
)
def test_a_study_is_drafted(tree: str, name: str, request: pytest.FixtureRequest) -> None:
    root: Path = request.getfixturevalue(tree)
    drafted = make_draft(discover(), "rateval init", data=root)
    spec = tomllib.loads(drafted.text)
    assert spec["dataset"] == [{"use": name, "root": str(root)}]
    assert spec["model"] == [{"use": "blip-vqa"}]
    assert spec["finetune"] == [{"use": "zs"}]
    (facts,) = (facts for place, facts in drafted.found if place.endswith(f": {name}"))
    assert any("questions to test on" in fact for fact in facts)
    dataset = make_plan(Document("spec.toml", spec, ""), discover()).datasets[0]
    made = build(dataset, Context())
    asked = [one.asked for one in made.test.samples(range(len(made.test))) if hasattr(one, "asked")]
    soft = any(len(set(one.answers)) > 1 for one in asked)
    assert spec.get("task") == ([{"use": "vqa", "correct": "soft"}] if soft else None)
    evidence = [{"use": "relevance-mass", "threshold": 0.5}] if made.has_masks else None
    assert spec.get("evidence") == evidence
