"""Small copies of datasets of questions, in the formats of their official files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

GQA_OBJECTS = {
    "11": ("cup", 5, 4, 10, 12),
    "12": ("table", 0, 20, 50, 20),
    "13": ("fly", 30, 6, 4, 0),
    "21": ("dog", 3, 2, 40, 30),
}


def gqa_question(image: str, text: str, told: str, **objects: dict[str, str]) -> dict[str, Any]:
    """Return a question as GQA's files have it, with the fields that nobody reads."""
    annotations: dict[str, dict[str, str]] = {
        "question": {},
        "answer": {},
        "fullAnswer": {},
    } | objects
    return {
        "semantic": [{"operation": "select", "dependencies": [], "argument": "cup (11)"}],
        "entailed": [],
        "equivalent": [],
        "question": text,
        "imageId": image,
        "isBalanced": True,
        "groups": {"global": None, "local": "10c-x"},
        "answer": told,
        "semanticStr": "select: cup (11)",
        "annotations": annotations,
        "types": {"detailed": "existC", "semantic": "obj", "structural": "verify"},
        "fullAnswer": f"{told}.",
    }


GQA = {
    "val": {
        "00100": gqa_question(
            "1", "Is the cup on a table?", "yes", question={"2": "11"}, fullAnswer={"5": "12"}
        ),
        "00101": gqa_question("1", "What is this?", "cup", answer={"0": "11"}),
        "00102": gqa_question("1", "Is it a café?", "no"),
        "00103": gqa_question("1", "Where is the fly?", "left", question={"3": "13"}),
        "00104": gqa_question("2", "Is there a dog?", "yes", question={"3": "21"}),
    },
    "train": {"00200": gqa_question("3", "Is there a cat?", "perhaps")},
    "testdev": {"00300": gqa_question("2", "Is there a cow?", "no", question={"3": "77"})},
}


def photo(path: Path, size: tuple[int, int] = (40, 50)) -> None:
    """Save a photo of (rows, columns)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(len(str(path.name))).integers(0, 256, (*size, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path)


def write(path: Path, content: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
    return path


@pytest.fixture
def gqa(tmp_path: Path) -> Path:
    """Make GQA: two photos to test on, one to train on; photo 2 is half as large as its graph."""
    root = tmp_path / "gqa"
    for name, size in (("1", (40, 50)), ("2", (20, 25)), ("3", (40, 50))):
        photo(root / "images" / f"{name}.jpg", size)
    for part, questions in GQA.items():
        write(root / "questions" / f"{part}_balanced_questions.json", questions)
    boxes = {
        name: {"name": what, "x": x, "y": y, "w": w, "h": h, "attributes": [], "relations": []}
        for name, (what, x, y, w, h) in GQA_OBJECTS.items()
    }
    graphs = {
        "1": {"width": 50, "height": 40, "objects": {n: boxes[n] for n in ("11", "12", "13")}},
        "2": {"width": 50, "height": 40, "location": "park", "objects": {"21": boxes["21"]}},
    }
    write(root / "sceneGraphs" / "val_sceneGraphs.json", graphs)
    write(root / "sceneGraphs" / "train_sceneGraphs.json", {})
    return root


def ten(*answers: str) -> list[dict[str, Any]]:
    """Return answers as VQA v2 has them."""
    return [
        {"answer": answer, "answer_confidence": "yes", "answer_id": at}
        for at, answer in enumerate(answers, 1)
    ]


@pytest.fixture
def vqa(tmp_path: Path) -> Path:
    """Make VQA v2: three questions about two photos to test on, one to train on."""
    root = tmp_path / "vqa"
    rows = {
        "val2014": [
            (42000, 42, "What is it?", "what is", "other", ten("mug", "cup", "cup", "")),
            (42001, 42, "How many?", "how many", "number", ten("2", "2", "3")),
            (73000, 73, "Is it?", "is it", "yes/no", ten("", "")),
        ],
        "train2014": [(9000, 9, "Is it red?", "is it", "yes/no", ten("no"))],
    }
    head: dict[str, Any] = {
        "info": {"year": 2017, "version": "2.0"},
        "license": {"url": "x", "name": "CC"},
    }
    for part, questions in rows.items():
        for _, image, *_ in questions:
            photo(root / part / f"COCO_{part}_{image:012d}.jpg")
        asked = [
            {"image_id": image, "question": text, "question_id": name}
            for name, image, text, *_ in questions
        ]
        told = [
            {
                "question_type": kind,
                "multiple_choice_answer": "?",
                "answers": answers,
                "image_id": image,
                "answer_type": form,
                "question_id": name,
            }
            for name, image, _, kind, form, answers in questions
        ]
        head |= {"data_type": "mscoco", "data_subtype": part}
        path = root / f"v2_OpenEnded_mscoco_{part}_questions.json"
        write(path, {**head, "task_type": "Open-Ended", "questions": asked})
        write(root / f"v2_mscoco_{part}_annotations.json", {**head, "annotations": told})
    return root


OUTLINE = [(10, 5), (40.5, 5), (10, 35.5)]


@pytest.fixture
def vizwiz(tmp_path: Path) -> Path:
    """Make VizWiz-VQA-Grounding: an outline, two of them, and none; one photo to train on."""
    root = tmp_path / "vizwiz"
    points = [{"x": x, "y": y} for x, y in OUTLINE]
    square = [{"x": x, "y": y} for x, y in [(0, 0), (4, 0), (4, 4), (0, 4)]]
    rows: dict[str, list[tuple[Any, ...]]] = {
        "val": [
            ("VizWiz_val_00000000.jpg", "What is this?", ["a", "b", "b", "a"], "b", points),
            ("VizWiz_val_00000001.jpg", "And this?", ["c"], "c", [points, square]),
            ("VizWiz_val_00000002.jpg", "Is it on?", ["yes"], "yes", []),
        ],
        "train": [("VizWiz_train_00000000.jpg", "Which can?", ["soup"], "soup", points)],
    }
    for part, questions in rows.items():
        told = {}
        for name, text, answers, common, outline in questions:
            photo(root / part / name)
            told[name] = {
                "question": text,
                "answers": answers,
                "most_common_answer": common,
                "answer_grounding": outline,
                "height": 40,
                "width": 50,
            }
        write(root / f"{part}_grounding.json", told)
    masks = root / "binary_masks_png"
    (masks / "train").mkdir(parents=True)
    (masks / "val").mkdir()
    drawn = np.zeros((40, 50), dtype=np.uint8)
    drawn[3:9, 4:12] = 255
    Image.fromarray(drawn).save(masks / "val" / "VizWiz_val_00000000.png")
    return root
