"""VizWiz-VQA-Grounding: questions that blind people asked, with the region of each answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from rateval.api import Context
from rateval_datasets.asking import sort_classes
from rateval_datasets.layout import Layout, names_in
from rateval_datasets.public.place import saying_where
from rateval_datasets.questions.fields import Entry, read_entries
from rateval_datasets.questions.params import VizWizParams
from rateval_datasets.questions.regions import MaskFile, Region, Shapes
from rateval_datasets.questions.split import (
    Question,
    QuestionDataset,
    QuestionSplit,
    first_answers,
    make_question,
    note_regions,
)

LAYOUT = Layout(
    dataset="vizwiz-vqa-grounding",
    tree="val_grounding.json and val/*.jpg",
    source="vizwiz.org/tasks-and-datasets/answer-grounding-for-vqa",
)
Points = tuple[tuple[float, float], ...]


def make_vizwiz(params: VizWizParams, context: Context) -> QuestionDataset:
    """Make the dataset. Raises RatevalError when a file is missing, or isn't as it should be."""
    root, masks = params.root, params.evidence == "masks"
    with saying_where(LAYOUT, root, _is_whole):
        LAYOUT.folder(root)
        LAYOUT.file(_file(root, "val"))
    questions = _list(root, "val", masks=masks)
    answers = first_answers(questions)
    trained = None
    if params.train and _file(root, "train").is_file():
        trained = _list(root, "train", masks=masks)
        answers |= first_answers(trained)
    if not answers:
        raise LAYOUT.error(f"{_file(root, 'val')}: no question has an answer")
    classes = sort_classes(answers)

    def split(part: str, listed: Sequence[Question]) -> QuestionSplit:
        name = f"vizwiz-vqa-grounding split={part} evidence={params.evidence}"
        return QuestionSplit(name, LAYOUT.folder(root / part), listed, classes)

    train = None if trained is None else split("train", trained)
    return QuestionDataset(classes, split("val", questions), lambda: train, note_regions(questions))


def _is_whole(root: Path) -> bool:
    return _file(root, "val").is_file()


def _file(root: Path, part: str) -> Path:
    return root / f"{part}_grounding.json"


def _list(root: Path, part: str, *, masks: bool) -> list[Question]:
    path, folder = _file(root, part), root / "binary_masks_png" / part
    there = names_in(LAYOUT.folder(folder)) if masks else set()
    questions: list[Question] = []
    for image, fields in read_entries(LAYOUT, path):
        if PurePosixPath(image).name != image:
            raise LAYOUT.error(f"{path}: {image} is no name of a photo")
        entry = Entry(LAYOUT, f"{path}: {image}", fields)
        region: Region | None
        if masks:
            name = PurePosixPath(image).with_suffix(".png").name
            region = MaskFile(folder / name) if name in there else None
        else:
            region = _outlines(entry, fields, f"{path}: {image}")
        questions.append(
            make_question(
                image, image, image, entry.text("question"), _answers(entry, fields), region, {}
            )
        )
    if not questions:
        raise LAYOUT.error(f"{path}: holds no question")
    return questions


def _answers(entry: Entry, fields: Mapping[str, Any]) -> list[str]:
    """Return all answers; the most common one, whose region it is, goes first of equal ones."""
    common = fields.get("most_common_answer")
    return sorted(entry.answers("answers"), key=lambda answer: answer != common)


def _outlines(entry: Entry, fields: Mapping[str, Any], where: str) -> Shapes | None:
    """Return the outline of an answer, a list of points, or several of them."""
    found = fields.get("answer_grounding") or []
    try:
        parts = [found] if found and isinstance(found[0], dict) else found
        outlines: tuple[Points, ...] = tuple(
            tuple((float(point["x"]), float(point["y"])) for point in part) for part in parts
        )
    except (TypeError, ValueError, KeyError, LookupError) as error:
        raise LAYOUT.error(f'{where}: "answer_grounding" holds no points x and y') from error
    if not outlines:
        return None
    return Shapes((entry.side("height"), entry.side("width")), outlines, "outline")
