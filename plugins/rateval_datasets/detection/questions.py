"""Public datasets of questions, known by the names of their files."""

from __future__ import annotations

from rateval.modelkit import Clues, Guess


def _guess(clues: Clues, file: str, why: str, name: str) -> Guess | None:
    root = clues.data
    if root is None or not (root / file).is_file():
        return None
    lacks = (
        "rateval init writes studies of classes, not of questions; write the spec by hand "
        f"(docs/datasets.md, {name})"
    )
    return Guess(why, {"root": str(root)}, 3, lacks=lacks)


def detect_gqa(clues: Clues) -> Guess | None:
    """Return GQA, which a person must write the spec of."""
    return _guess(clues, "questions/val_balanced_questions.json", "GQA's questions", "gqa")


def detect_vqa_v2(clues: Clues) -> Guess | None:
    """Return VQA v2, which a person must write the spec of."""
    file = "v2_mscoco_val2014_annotations.json"
    return _guess(clues, file, "VQA v2's annotations", "vqa-v2")


def detect_vizwiz(clues: Clues) -> Guess | None:
    """Return VizWiz-VQA-Grounding, which a person must write the spec of."""
    why = "VizWiz-VQA-Grounding's annotations"
    return _guess(clues, "val_grounding.json", why, "vizwiz-vqa-grounding")
