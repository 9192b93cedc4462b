"""VQA v2: questions about COCO's photos, each answered by ten people; nothing says a region."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from sys import intern

from rateval.api import Context
from rateval_datasets.asking import QUESTION_TYPE, sort_classes
from rateval_datasets.layout import Layout
from rateval_datasets.public.place import saying_where
from rateval_datasets.questions.fields import Entry, read_items
from rateval_datasets.questions.params import VqaV2Params
from rateval_datasets.questions.split import (
    Question,
    QuestionDataset,
    QuestionSplit,
    first_answers,
    make_question,
)

LAYOUT = Layout(
    dataset="vqa-v2",
    tree="v2_OpenEnded_mscoco_val2014_questions.json, v2_mscoco_val2014_annotations.json and "
    "val2014/*.jpg",
    source="visualqa.org/download.html and cocodataset.org (2014)",
)
_TEST, _TRAIN = "val2014", "train2014"
_TYPES = {"question_type": QUESTION_TYPE, "answer_type": "answer type"}


def make_vqa_v2(params: VqaV2Params, context: Context) -> QuestionDataset:
    """Make the dataset. Raises RatevalError when a file is missing, or isn't as it should be."""
    root = params.root
    with saying_where(LAYOUT, root, _is_whole):
        LAYOUT.folder(root)
        LAYOUT.file(_annotations(root, _TEST))
    questions = _list(root, _TEST)
    answers = first_answers(questions)
    trained = None
    if params.train and _annotations(root, _TRAIN).is_file():
        trained = _list(root, _TRAIN)
        answers |= first_answers(trained)
    if not answers:
        raise LAYOUT.error(f"{_annotations(root, _TEST)}: no question has an answer")
    classes = sort_classes(answers)

    def split(part: str, listed: Sequence[Question]) -> QuestionSplit:
        photos = LAYOUT.folder(root / part, root / "images" / part)
        return QuestionSplit(f"vqa-v2 split={part}", photos, listed, classes)

    train = None if trained is None else split(_TRAIN, trained)
    return QuestionDataset(classes, split(_TEST, questions), lambda: train)


def _is_whole(root: Path) -> bool:
    return _annotations(root, _TEST).is_file()


def _annotations(root: Path, part: str) -> Path:
    return root / f"v2_mscoco_{part}_annotations.json"


def _list(root: Path, part: str) -> list[Question]:
    """Return the questions of a part, in the order of their annotations."""
    path = root / f"v2_OpenEnded_mscoco_{part}_questions.json"
    texts: dict[int, str] = {}
    for place, fields in read_items(LAYOUT, path, "questions"):
        entry = Entry(LAYOUT, f"{path}: {place}", fields)
        name = entry.number("question_id")
        if name in texts:
            raise LAYOUT.error(f"{path}: {place}: the question {name} stands there twice")
        texts[name] = entry.text("question")
    path, questions, seen = _annotations(root, part), [], set()
    for place, fields in read_items(LAYOUT, path, "annotations"):
        entry = Entry(LAYOUT, f"{path}: {place}", fields)
        name, image = entry.number("question_id"), entry.number("image_id")
        if name not in texts or name in seen:
            why = "is annotated twice" if name in seen else "is not among the questions"
            raise LAYOUT.error(f"{path}: {place}: the question {name} {why}")
        seen.add(name)
        photo = intern(f"COCO_{part}_{image:012d}.jpg")
        answers = [intern(answer) for answer in entry.answers("answers")]
        groups = {
            shown: intern(str(fields[key])) for key, shown in _TYPES.items() if fields.get(key)
        }
        questions.append(
            make_question(str(name), str(image), photo, texts[name], answers, None, groups)
        )
    if not questions:
        raise LAYOUT.error(f"{path}: holds no question")
    return questions
