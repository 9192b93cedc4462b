"""GQA: questions about photos whose scene graphs say which objects an answer needs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from sys import intern
from typing import NamedTuple

from rateval.api import Context
from rateval_datasets.asking import QUESTION_TYPE, sort_classes
from rateval_datasets.layout import Layout
from rateval_datasets.public.place import saying_where
from rateval_datasets.questions.fields import Entry, read_entries
from rateval_datasets.questions.params import GqaParams
from rateval_datasets.questions.regions import Shapes
from rateval_datasets.questions.split import (
    Question,
    QuestionDataset,
    QuestionSplit,
    first_answers,
    make_question,
    note_regions,
)

LAYOUT = Layout(
    dataset="gqa",
    tree="images/*.jpg, questions/val_balanced_questions.json and sceneGraphs/val_sceneGraphs.json",
    source="cs.stanford.edu/people/dorarad/gqa/download.html",
)
_NEEDED = ("question", "answer", "fullAnswer")
"""Annotations whose objects an answer needs: those of the whole way to it, as FPVG has it (Reich,
Putze, Schultz, Findings of EMNLP 2023, arXiv 2305.15015; "path" in its code)."""
_TYPES = {"structural": QUESTION_TYPE, "semantic": "semantic type"}
_WITH_GRAPHS = ("train", "val")
Corners = tuple[tuple[float, float], ...]


class _Graph(NamedTuple):
    """What a scene graph says of the objects that are asked about."""

    size: tuple[int, int]
    boxes: Mapping[str, Corners]


def make_gqa(params: GqaParams, context: Context) -> QuestionDataset:
    """Make the dataset. Raises RatevalError when a file is missing, or isn't as it should be."""
    root = params.root
    with saying_where(LAYOUT, root, _is_whole):
        LAYOUT.folder(root)
        LAYOUT.folder(root / "images")
        LAYOUT.file(_file(root, params.part))
    questions = _list(root, params.part)
    answers = first_answers(questions)
    has_train = params.train and _file(root, "train").is_file()
    if has_train:
        answers |= first_answers(_ask(root, "train"))
    if not answers:
        raise LAYOUT.error(f"{_file(root, params.part)}: no question has an answer")
    classes = sort_classes(answers)

    def split(part: str, listed: Sequence[Question]) -> QuestionSplit:
        return QuestionSplit(f"gqa split={part}", root / "images", listed, classes)

    return QuestionDataset(
        classes,
        split(params.part, questions),
        lambda: split("train", _list(root, "train")) if has_train else None,
        note_regions(questions),
    )


def _is_whole(root: Path) -> bool:
    return (root / "images").is_dir() and (root / "questions").is_dir()


def _file(root: Path, part: str) -> Path:
    return root / "questions" / f"{part}_balanced_questions.json"


def _ask(root: Path, part: str) -> Iterator[Question]:
    """Yield the questions of a part, without their regions."""
    for _, question in _read(root, part):
        yield question


def _list(root: Path, part: str) -> list[Question]:
    """Return the questions of a part with their regions."""
    read = list(_read(root, part))
    if not read:
        raise LAYOUT.error(f"{_file(root, part)}: holds no question")
    needed: dict[str, set[str]] = {}
    for objects, question in read:
        needed.setdefault(question.image, set()).update(objects)
    graphs = _read_graphs(root, part, needed) if part in _WITH_GRAPHS else {}
    return [_add_region(question, objects, graphs) for objects, question in read]


def _read(root: Path, part: str) -> Iterator[tuple[tuple[str, ...], Question]]:
    """Yield the ids of the objects that an answer needs, and its question."""
    path = _file(root, part)
    for name, fields in read_entries(LAYOUT, path):
        entry = Entry(LAYOUT, f"{path}: question {name}", fields)
        image, types = intern(entry.file_name("imageId")), entry.part("types")
        groups = {shown: intern(types.text(key)) for key, shown in _TYPES.items() if key in types}
        yield (
            _objects(entry.part("annotations")),
            make_question(
                name,
                image,
                intern(f"{image}.jpg"),
                entry.text("question"),
                [intern(entry.text("answer"))],
                None,
                groups,
            ),
        )


def _objects(annotations: Entry) -> tuple[str, ...]:
    return tuple(sorted({name for key in _NEEDED for name in annotations.values(key)}))


def _read_graphs(root: Path, part: str, needed: Mapping[str, set[str]]) -> dict[str, _Graph]:
    """Return what scene graphs say of the ``needed`` objects of each photo."""
    path = root / "sceneGraphs" / f"{part}_sceneGraphs.json"
    graphs = {}
    for image, fields in read_entries(LAYOUT, path):
        if not needed.get(image):
            continue
        entry = Entry(LAYOUT, f"{path}: image {image}", fields)
        objects = entry.object("objects")
        boxes = {
            name: _box(Entry(LAYOUT, f"{path}: image {image}: object {name}", objects[name]))
            for name in sorted(needed[image])
            if isinstance(objects.get(name), dict)
        }
        graphs[image] = _Graph((entry.side("height"), entry.side("width")), boxes)
    return graphs


def _box(entry: Entry) -> Corners:
    left, top, width, height = (entry.number(key) for key in ("x", "y", "w", "h"))
    return ((left, top), (left + width, top + height))


def _add_region(
    question: Question, objects: Sequence[str], graphs: Mapping[str, _Graph]
) -> Question:
    """Return the question with the union of its objects' boxes; a box without a pixel is none."""
    graph = graphs.get(question.image)
    if graph is None or question.fault is not None:
        return question
    missing = [name for name in objects if name not in graph.boxes]
    if missing:
        fault = f"question and scene graph contradict each other: no object {missing[0]}"
        return replace(question, fault=fault)
    boxes = [graph.boxes[name] for name in objects]
    shown = tuple(box for box in boxes if box[0][0] < box[1][0] and box[0][1] < box[1][1])
    region = Shapes(graph.size, shown, "scene graph", are_boxes=True) if shown else None
    return replace(question, region=region)
