"""Public datasets of questions, known by the names of their files."""

from __future__ import annotations

from pathlib import Path

from rateval.modelkit import Clues, Guess


def _root(clues: Clues, *files: str) -> Path | None:
    root = clues.data
    return root if root is not None and all((root / file).is_file() for file in files) else None


def detect_gqa(clues: Clues) -> Guess | None:
    """Return GQA."""
    root = _root(clues, "questions/val_balanced_questions.json")
    return None if root is None else Guess("GQA's questions", {"root": str(root)}, 3)


def detect_vqa_v2(clues: Clues) -> Guess | None:
    """Return VQA v2."""
    root = _root(clues, "v2_mscoco_val2014_annotations.json")
    return None if root is None else Guess("VQA v2's annotations", {"root": str(root)}, 3)


def detect_vizwiz(clues: Clues) -> Guess | None:
    """Return VizWiz-VQA-Grounding."""
    root = _root(clues, "val_grounding.json")
    why = "VizWiz-VQA-Grounding's annotations"
    return None if root is None else Guess(why, {"root": str(root)}, 3)
