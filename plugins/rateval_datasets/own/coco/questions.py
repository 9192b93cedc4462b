"""Questions about the images of a COCO file, and which of its objects an answer needs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rateval.api import RatevalError
from rateval.api.tasks.texts import Asked
from rateval.modelkit import list_some
from rateval_datasets.asking import QUESTION_TYPE, explain_text
from rateval_datasets.layout import printable
from rateval_datasets.own.coco.objects import Area, Objects
from rateval_datasets.own.coco.params import CocoParams
from rateval_datasets.own.coco.reading import CocoImage, Instances, read_object
from rateval_datasets.own.problems import problem

_TYPES = {"question_type": QUESTION_TYPE, "answer_type": "answer type"}
"""Keys of VQA's files to the groups that they are."""
_NEEDS = ("annotation_ids", "category_id")
"""Keys that say which objects an answer needs."""
_Entry = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class CocoQuestion:
    """One question, before its photo is opened."""

    id: int | str
    image: CocoImage
    asked: Asked | None
    """None only with a ``fault``."""
    areas: Sequence[Area]
    """The objects that its answer needs; none where nothing says so."""
    named: bool
    """Whether they are named one by one, and so count also where they are crowds."""
    groups: Mapping[str, str | None]
    fault: str | None = None
    """Why it is left out."""


@dataclass(slots=True)
class Asking:
    """What is asked about the images of one COCO file."""

    questions: list[CocoQuestion]
    notes: list[str] = field(default_factory=list)
    """What a person should look at."""


def evidence_of(question: CocoQuestion, *, crowds: bool) -> Objects | None:
    """Return the objects that a question's answer needs; None where none says where it is."""
    drawn = [
        area
        for area in question.areas
        if area.is_somewhere and (question.named or crowds or not area.crowd)
    ]
    return Objects(drawn, question.image.size) if drawn else None


def read_questions(
    component: str, params: CocoParams, split: str | None, found: Instances
) -> Asking:
    """Read the questions of a split, in the order of their file.

    Raises RatevalError when a file isn't as it should be, or an object is named that isn't there.
    """
    key, path = _of_split("questions", params.questions, split)
    assert path is not None  # who asks nothing does not come here
    texts = _Listed(component, key, path, "questions")
    answers = texts
    if params.answers is not None:
        key, named = _of_split("answers", params.answers, split)
        assert named is not None
        answers = _Listed(component, key, named, "annotations")
    return _Reader(texts, answers, found).read()


def _of_split(key: str, given: Any, split: str | None) -> tuple[str, Path | None]:
    """Return the param that names the file of a split, and the file."""
    if isinstance(given, dict):
        return f"{key}.{split}", given[split or ""]
    return key, given


class _Listed:
    """The entries of a file's list, by their questions' ids."""

    def __init__(self, component: str, key: str, path: Path, name: str) -> None:
        self._component, self._where, self.path = component, f"{key} = {path}", path
        content = read_object(component, key, path, "file of VQA's")
        entries = content.get(name)
        if not isinstance(entries, list):
            raise problem(component, f'{self._where}: has no list "{name}", as VQA\'s files have')
        self.entries: dict[int | str, tuple[str, _Entry]] = {}
        for at, entry in enumerate(entries):
            place = f"{name}[{at}]"
            if not isinstance(entry, dict):
                raise self.wrong(place, "is no JSON object")
            number = self.id(place, entry, "question_id")
            if number in self.entries:
                raise self.wrong(place, f"the question {number} stands there twice")
            self.entries[number] = place, entry

    def wrong(self, place: str, what: str) -> RatevalError:
        """Return the complaint about an entry."""
        return problem(self._component, f"{self._where}: {place}: {what}")

    def id(self, place: str, entry: _Entry, key: str) -> int | str:
        """Return an id. Raises RatevalError where it is none."""
        found = entry.get(key)
        if isinstance(found, bool) or not isinstance(found, int | str):
            raise self.wrong(place, f"{key} = {found!r:.40}: must be a whole number or text")
        return found


class _Reader:
    """Brings questions, answers and objects together."""

    def __init__(self, texts: _Listed, answers: _Listed, found: Instances) -> None:
        self._texts, self._answers, self._found = texts, answers, found
        self._images = {image.id: image for image in found.images}

    def read(self) -> Asking:
        """Return the questions about images that there are."""
        asking, away = Asking([]), []
        for number, (place, entry) in self._texts.entries.items():
            image = self._images.get(self._texts.id(place, entry, "image_id"))
            if image is None:
                away.append(str(number))
            else:
                asking.questions.append(self._question(number, place, entry, image))
        if away:
            asking.notes.append(
                f"{len(away)} questions of {self._texts.path.name} are about images that "
                f"{self._found.path.name} doesn't list: {list_some(away)}"
            )
        unasked = [n for n in self._answers.entries if n not in self._texts.entries]
        if unasked:
            asking.notes.append(
                f"{len(unasked)} answers of {self._answers.path.name} are to questions that "
                f"{self._texts.path.name} doesn't ask: {list_some(map(str, unasked))}"
            )
        without = sum(one.fault is None and not one.areas for one in asking.questions)
        if without:
            count = len(asking.questions)
            asking.notes.append(
                f"{without} of {count} questions have no region: they count in accuracy alone"
            )
        return asking

    def _question(
        self, number: int | str, place: str, entry: _Entry, image: CocoImage
    ) -> CocoQuestion:
        there, answered = self._answers.entries.get(number, ("", {}))
        about = answered.get("image_id", image.id)
        if about != image.id:
            raise self._answers.wrong(there, f"image_id = {about!r:.40}: {place} has {image.id!r}")
        question, given = entry.get("question"), self._given(there, answered)
        if not isinstance(question, str):
            raise self._texts.wrong(place, f"question = {question!r:.40}: must be text")
        fault = "no answer" if not given else None
        for what, text in (("question", question), *(("answer", one) for one in given)):
            if why := explain_text(text):
                fault = f"unreadable {what}: it {why}"
        listed, at, said = self._needs(place, entry, there, answered)
        areas = list(self._areas(listed, at, said, image))
        asked = None if fault else Asked(question.strip(), tuple(given))
        sources = (answered, entry)
        groups = {
            shown: printable(str(one[key]))
            for key, shown in _TYPES.items()
            for one in sources
            if isinstance(one.get(key), str) and one[key].strip()
        }
        named = said.get("annotation_ids") is not None
        return CocoQuestion(number, image, asked, areas, named, groups, fault)

    def _given(self, place: str, entry: _Entry) -> list[str]:
        """Return the answers that people gave, but for empty ones."""
        answers = entry.get("answers", [])
        if not isinstance(answers, list):
            raise self._answers.wrong(place, "answers must be a list")
        found: list[str] = []
        for one in answers:
            text = one.get("answer") if isinstance(one, dict) else one
            if not isinstance(text, str):
                raise self._answers.wrong(place, f"answers hold {text!r:.40}, which is no text")
            found += [text] if text.strip() else []
        return found

    def _needs(
        self, place: str, entry: _Entry, there: str, answered: _Entry
    ) -> tuple[_Listed, str, _Entry]:
        """Return the entry that says which objects are needed, and where it stands."""
        own = any(entry.get(key) is not None for key in _NEEDS)
        listed = (self._texts, place, entry) if own else (self._answers, there, answered)
        if all(listed[2].get(key) is not None for key in _NEEDS):
            raise listed[0].wrong(listed[1], f"says both {' and '.join(_NEEDS)}; give one of them")
        return listed

    def _areas(self, listed: _Listed, place: str, said: _Entry, image: CocoImage) -> Iterator[Area]:
        """Yield the objects that an entry names: one by one, or all of a category."""
        ids, category = (said.get(key) for key in _NEEDS)
        if category is not None:
            number = listed.id(place, said, "category_id")
            if number not in self._found.named:
                raise listed.wrong(
                    place,
                    f"category_id = {number!r:.40}: {self._found.path.name} has no such category",
                )
            name = self._found.named[number]
            yield from (area for area in image.areas if area.category == name)
        if ids is not None and not isinstance(ids, list):
            raise listed.wrong(place, f"annotation_ids = {ids!r:.40}: must be a list of ids")
        for number in ids or ():
            known = not isinstance(number, bool)  # which is equal to 0 or 1
            own = [area for area in image.areas if known and area.id == number]
            if len(own) != 1:
                why = "is no object" if not own else f"is the id of {len(own)} objects"
                raise listed.wrong(
                    place,
                    f"annotation_ids: {number!r:.40} {why} of the image {image.id!r:.40} in "
                    f"{self._found.path.name}",
                )
            yield from own
