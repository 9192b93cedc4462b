"""Public datasets of questions, known by the names of their files."""

from __future__ import annotations

from rateval.modelkit import Clues, Guess


def _guess(clues: Clues, file: str, why: str, *unknown: str) -> Guess | None:
    root = clues.data
    if root is None or not (root / file).is_file():
        return None
    return Guess(why, {"root": str(root)}, 3, unknown)


def detect_gqa(clues: Clues) -> Guess | None:
    """Return GQA."""
    return _guess(clues, "questions/val_balanced_questions.json", "GQA's questions")


def detect_vqa_v2(clues: Clues) -> Guess | None:
    """Return VQA v2."""
    return _guess(clues, "v2_mscoco_val2014_annotations.json", "VQA v2's annotations")


def detect_vizwiz(clues: Clues) -> Guess | None:
    """Return VizWiz-VQA-Grounding."""
    return _guess(clues, "val_grounding.json", "VizWiz-VQA-Grounding's annotations")
