"""Values that can't do with what is beside them in a study are refused before it runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from rateval.errors import SpecError
from rateval.plan.planning import make_plan
from rateval.registry.discovery import discover
from rateval.spec.document import Document

VQA: dict[str, Any] = {
    "study": {"name": "asked"},
    "dataset": [{"use": "shapes-vqa"}],
    "model": [{"use": "blip-vqa", "pretrained": "random"}],
    "finetune": [{"use": "zs"}],
}
CLASSES: dict[str, Any] = VQA | {"dataset": [{"use": "shapes"}], "model": [{"use": "clip"}]}
CAPTIONS = VQA | {
    "dataset": [{"use": "shapes-captions"}],
    "model": [{"use": "blip-caption", "pretrained": "random"}],
}
RANKED = {"task": [{"use": "vqa", "answer": "rank"}]}
EXPLAINERS = ("generic-attention", "cross-attention-grad-cam", "integrated-gradients")


def problems(data: dict[str, Any]) -> list[str]:
    document = Document("spec.toml", data, "", folder=Path())
    try:
        make_plan(document, discover(), look=False)
    except SpecError as refused:
        return str(refused).splitlines()
    return []


@pytest.mark.parametrize("use", EXPLAINERS)
def test_a_margin_needs_answers_that_are_ranked(use: str) -> None:
    asked = VQA | {"attribution": [{"use": use, "score": "margin"}]}
    (told,) = problems(asked)
    assert told.startswith('spec.toml: attribution[0].score = "margin": it is the difference to')
    assert 'answer = "rank"' in told
    assert problems(asked | RANKED) == []
    assert problems(VQA | {"attribution": [{"use": use}]}) == []


def test_a_margin_among_classes_is_one() -> None:
    assert problems(CLASSES | {"attribution": [{"use": EXPLAINERS[0], "score": "margin"}]}) == []


def test_an_answer_is_no_target() -> None:
    aimed = {"attribution": [{"use": EXPLAINERS[0], "target": "runner-up"}]}
    for task in ({}, RANKED):
        (told,) = problems(VQA | task | aimed)
        assert 'target = "runner-up": an answer is a text' in told
    assert problems(CLASSES | aimed) == []


@pytest.mark.parametrize(
    ("method", "key"),
    [
        ({"use": "ft", "stop_by": "pt"}, 'stop_by = "pt"'),
        ({"use": "wise-ft", "alpha": [0.2, 0.5], "choose_by": "pt"}, 'choose_by = "pt"'),
        ({"use": "lp", "solver": "lbfgs", "l2": "sweep"}, 'l2 = "sweep"'),
    ],
)
def test_a_score_needs_samples_held_out(method: dict[str, Any], key: str) -> None:
    study = CLASSES | {"finetune": [method]}
    (told,) = problems(study)
    assert key in told
    assert "add a table [held_out]" in told
    assert problems(study | {"held_out": {}}) == []


@pytest.mark.parametrize("data", [VQA, CLASSES])
def test_a_score_is_that_of_a_metric(data: dict[str, Any]) -> None:
    study = data | {
        "finetune": [{"use": "ft", "stop_by": "acuracy"}],
        "metric": [{"use": "ir"}],
        "held_out": {},
    }
    (told,) = problems(study)
    assert 'stop_by = "acuracy": unknown; the samples held out are scored by accuracy, ir' in told
    for name in ("accuracy", "ir"):
        assert problems(study | {"finetune": [{"use": "ft", "stop_by": name}]}) == []


def test_without_evidence_accuracy_alone_is_watched() -> None:
    study = CLASSES | {"finetune": [{"use": "ft", "stop_by": "pt"}]}
    assert problems(study | {"held_out": {}}) == []
    (told,) = problems(study | {"held_out": {"evidence": False}})
    assert "scored by accuracy: name one of them" in told


@pytest.mark.parametrize("data", [VQA, CLASSES, CAPTIONS])
def test_what_trains_needs_a_training_split(data: dict[str, Any]) -> None:
    bare = data | {"dataset": [data["dataset"][0] | {"train_size": 0, "name": "bare"}]}
    assert problems(bare) == []
    (told,) = problems(bare | {"finetune": [{"use": "zs"}, {"use": "ft"}]})
    assert 'finetune[1].use = "ft": trains, and the dataset "bare" has no training split' in told
    assert "such as zs" in told


def test_a_cut_is_one_of_soft_scores() -> None:
    (told,) = problems(VQA | {"task": [{"use": "vqa", "cut": 0.5}]})
    assert 'cut belongs to correct = "soft"' in told
    assert problems(VQA | {"task": [{"use": "vqa", "cut": 0.5, "correct": "soft"}]}) == []


def test_all_that_captions_rule_out_is_told_at_once() -> None:
    study = CAPTIONS | {
        "attribution": [{"use": "generic-attention", "score": "margin"}],
        "held_out": {},
        "faithfulness": {},
        "statistics": {"cluster": "class"},
    }
    told = problems(study)
    assert len(told) == 4
    for part in ('score = "margin"', ": held_out:", ": faithfulness:", 'cluster = "class"'):
        assert sum(part in line for line in told) == 1, (part, told)
    assert problems(CAPTIONS) == []
