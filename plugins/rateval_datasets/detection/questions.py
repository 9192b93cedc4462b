"""Public datasets of questions, known by the names of their files."""

from __future__ import annotations

from rateval.modelkit import Clues, Guess
from rateval_datasets.detection.layouts import find_layout


def detect_gqa(clues: Clues) -> Guess | None:
    """Return GQA."""
    return find_layout(clues, "GQA's questions", "questions/val_balanced_questions.json")


def detect_vqa_v2(clues: Clues) -> Guess | None:
    """Return VQA v2."""
    return find_layout(clues, "VQA v2's annotations", "v2_mscoco_val2014_annotations.json")


def detect_vizwiz(clues: Clues) -> Guess | None:
    """Return VizWiz-VQA-Grounding."""
    return find_layout(clues, "VizWiz-VQA-Grounding's annotations", "val_grounding.json")
