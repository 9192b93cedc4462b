"""Splits of questions about photos: listed at once, photos read when they are asked for."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from rateval.api import Sample, Skipped
from rateval.api.tasks.texts import Asked
from rateval.modelkit import fetch_ahead
from rateval_datasets.asking import IMAGE, explain_text
from rateval_datasets.images import open_rgb
from rateval_datasets.layout import printable
from rateval_datasets.questions.regions import Region
from rateval_datasets.split import FAULTS, skip

_READING = 1
"""Part of every identity: raise it when the same files give other samples than before."""


@dataclass(frozen=True, slots=True)
class Question:
    """One question with all that is known of it before its photo is opened."""

    id: str
    image: str
    """Id of the photo: what questions about one photo have in common."""
    path: str
    """Of the photo, below the folder of images."""
    question: str
    answers: tuple[str, ...]
    """As people gave them; none where something is missing."""
    region: Region | None
    """What the answer needs; None where nothing says so."""
    groups: Mapping[str, str | None] = field(default_factory=dict)
    """What it has in common with others, but for the photo."""
    fault: str | None = None
    """Why it is left out without its photo being opened."""

    @property
    def asked(self) -> Asked:
        """What is asked, and what people answered."""
        return Asked(self.question, self.answers)


def make_question(
    name: str,
    image: str,
    path: str,
    question: str,
    answers: Sequence[str],
    region: Region | None,
    groups: Mapping[str, str | None],
) -> Question:
    """Return a question, with why it cannot be asked where that is so.

    Answers that are empty, such as what rules of normalisation left of "the", are left out.

    >>> make_question("1", "7", "7.jpg", "what?", [" ", "mug"], None, {}).answers
    ('mug',)
    >>> make_question("1", "7", "7.jpg", "what?", [""], None, {}).fault
    'no answer'
    """
    given = tuple(answer for answer in answers if answer.strip())
    fault = None
    if not question.strip():
        fault = "no question"
    elif not given:
        fault = "no answer"
    else:
        for what, text in (("question", question), *(("answer", one) for one in given)):
            if why := explain_text(text):
                fault = f"unreadable {what}: it {why}"
    return Question(name, image, path, question, given, region, groups, fault)


@dataclass
class QuestionSplit:
    """Questions of one split, each a sample; those at fault are skipped with the reason."""

    name: str
    """Such as ``gqa split=val``: what questions and classes don't tell."""
    root: Path
    """Where the photos' paths begin."""
    questions: Sequence[Question]
    classes: tuple[str, ...]

    @cached_property
    def labels(self) -> Sequence[int]:
        """Index of each question's first answer among the classes; 0 where it is left out."""
        index = {answer: at for at, answer in enumerate(self.classes)}
        return [0 if one.fault else index[one.asked.most_given] for one in self.questions]

    @cached_property
    def identity(self) -> str:
        """Name of the samples: a digest of all questions, their labels and regions.

        A photo that changes under its old name goes unnoticed.
        """
        digest = hashlib.sha256()
        for one, label in zip(self.questions, self.labels, strict=True):
            region = None if one.region is None else one.region.name
            known = (one.id, one.path, label, one.question, one.answers, one.fault, region)
            groups = sorted(one.groups.items())
            digest.update(repr((*known, groups)).encode("utf-8", "surrogatepass"))
        return f"{self.name} reading={_READING} count={len(self)} listing={digest.hexdigest()[:32]}"

    @cached_property
    def ids(self) -> Sequence[str]:
        """Ids of all questions, escaped where they are no Unicode."""
        return [printable(one.id) for one in self.questions]

    @cached_property
    def groups(self) -> Mapping[str, Sequence[str | None]]:
        """The photo that each question is about, and what else questions have in common."""
        names = dict.fromkeys(name for one in self.questions for name in one.groups)
        shared = {name: [_shown(one.groups.get(name)) for one in self.questions] for name in names}
        return {IMAGE: [_shown(one.image) for one in self.questions], **shared}

    def __len__(self) -> int:
        return len(self.questions)

    def look_ahead(self, indices: Sequence[int]) -> None:
        """Begin to fetch photos that lie behind URLs, as they will be read soon."""
        asked = [self.questions[int(index)] for index in indices]
        fetch_ahead(self.root / one.path for one in asked if one.fault is None)

    def samples(self, indices: Sequence[int]) -> list[Sample | Skipped]:
        """Open the photos of the questions at ``indices``.

        Raises IndexError for one outside of the split.
        """
        return [self._open(int(index)) for index in indices]

    def _open(self, index: int) -> Sample | Skipped:
        if not 0 <= index < len(self):
            raise IndexError(f"index {index} is outside of a split of {len(self)} questions")
        one, what, mask = self.questions[index], "image", None
        name = printable(one.id)
        if one.fault is not None:
            return Skipped(name, printable(one.fault))
        try:
            image = open_rgb(self.root / one.path)
            if one.region is not None:
                what = "evidence"
                mask = one.region.draw(image)
        except FAULTS as error:
            return skip(name, what, error)
        return Sample(name, image, int(self.labels[index]), mask, asked=one.asked)


def _shown(value: str | None) -> str | None:
    return None if value is None else printable(value)


@dataclass
class QuestionDataset:
    """Classes and splits; training questions are listed when they are asked for."""

    classes: tuple[str, ...]
    test: QuestionSplit
    list_train: Callable[[], QuestionSplit | None]
    notes: tuple[str, ...] = ()
    """What a person should look at, such as questions without a region."""

    @cached_property
    def has_masks(self) -> bool:
        """Whether there is a region for any test question."""
        return any(one.region is not None for one in self.test.questions)

    @cached_property
    def train(self) -> QuestionSplit | None:
        """The training split, listed on first use; None where there is none."""
        return self.list_train()


def first_answers(questions: Iterable[Question]) -> set[str]:
    """Return the different first answers of questions that can be asked."""
    return {one.asked.most_given for one in questions if one.fault is None}


def note_regions(questions: Sequence[Question]) -> tuple[str, ...]:
    """Return how many of the test questions have no region, where some have one.

    >>> note_regions([make_question("1", "7", "7.jpg", "what?", ["mug"], None, {})])
    ('1 of 1 test questions have no region: they count in accuracy alone',)
    """
    without = sum(one.region is None for one in questions)
    if not without:
        return ()
    text = f"{without:,} of {len(questions):,} test questions have no region"
    return (f"{text}: they count in accuracy alone",)
