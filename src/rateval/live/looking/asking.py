"""What is asked about one photo, as a study of that photo alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from rateval.errors import Problem, RatevalError, SpecError
from rateval.plan.cells import Choice
from rateval.plan.checks.absent import explain_absent
from rateval.plan.plan import Plan
from rateval.plan.planning import make_plan
from rateval.registry.finding import find_component
from rateval.registry.registry import Registry
from rateval.spec.document import Document
from rateval.wording import list_some, suggest

CALL = "rateval.look"
Entry = str | Mapping[str, Any]
"""A component as in a spec: its name, or a table with ``use`` and params."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked about one photo."""

    image: str
    model: Entry
    classes: Sequence[str] | str | None = None
    """Labels, or the path of a file with one a line; None asks for a text instead."""
    text: str | None = None
    """A question, in the place of classes. Without both a caption is asked for."""
    phrase: str = ""
    """The part of an answer or a caption that is explained; empty is all of it."""
    label: str | None = None
    """What is right: one of the classes, or an answer."""
    mask: str | None = None
    checkpoint: Entry | None = None
    """Path of a model that was fine-tuned elsewhere, or that with params, by ``path``."""
    attribution: Entry = "generic-attention"
    validators: Sequence[Entry] = ("relevance-mass",)
    donors: str | None = None
    """Photos with masks, whose backgrounds the object is put on; None puts it on none."""
    donor_masks: str | None = None
    exif: str = "apply"
    device: str = "auto"

    @property
    def says(self) -> bool:
        """Whether a text is asked for."""
        return self.classes is None

    @property
    def captions(self) -> bool:
        """Whether that is a caption, which speaks of several objects, so that none is edited."""
        return self.says and self.text is None

    @property
    def edits(self) -> bool:
        """Whether the photo can be edited: objects are cut out by masks and filled in by OpenCV."""
        return self.mask is not None and not self.captions and find_spec("cv2") is not None


def make_question_plan(question: Question, registry: Registry) -> Plan:
    """Return the plan of a study of the photo. Raises SpecError with everything that is wrong."""
    problems = list(_find_problems(question))
    if unposed := _find_unposed(question, registry):
        raise SpecError([*problems, unposed])
    try:
        plan = make_plan(_write_spec(question), registry)
    except SpecError as error:
        # What is left out for a list of no class needn't be told a second time.
        own = {problem.where.partition(" = ")[0] for problem in problems}
        found = [one for one in error.problems if one.where.partition(" = ")[0] not in own]
        raise SpecError([*found, *problems]) from None
    problems += [
        problem for choice in plan.validators for problem in _find_unedited(question, choice)
    ]
    if problems:
        raise SpecError(problems)
    return plan


def _write_spec(question: Question) -> Document:
    photo: dict[str, Any] = {
        "use": "photo",
        "image": question.image,
        "classes": question.classes
        if isinstance(question.classes, str | None)
        else list(question.classes),
        "question": question.text,
        "label": question.label,
        "mask": question.mask,
        "exif": question.exif,
    }
    checkpoint = question.checkpoint
    if isinstance(checkpoint, str):
        checkpoint = {"path": checkpoint}
    method = {"use": "zs"} if checkpoint is None else {"use": "checkpoint", **checkpoint}
    # Whether anything is edited is decided by what is given, not by the table.
    edits = {} if find_spec("cv2") else {"background": "grey", "object": "grey"}
    tables: dict[str, Any] = {
        "study": {"name": "look"},
        "dataset": [{key: value for key, value in photo.items() if value is not None}],
        "model": [_as_table(question.model)],
        "finetune": [method],
        "attribution": [_as_table(question.attribution)],
        "evidence": list(map(_as_table, question.validators)),
        "metric": [{"use": "accuracy"}],
        **({} if question.captions else {"counterfactual": edits}),
        "run": {"device": question.device, "batch_size": 1, "readers": 1},
    }
    return Document(CALL, tables, "")


def _as_table(entry: Entry) -> dict[str, Any]:
    return {"use": entry} if isinstance(entry, str) else dict(entry)


def _find_problems(question: Question) -> Iterator[Problem]:
    if not isinstance(question.classes, str | None):
        yield from _find_in_classes(question.classes, question.label)
    if question.phrase and not question.says:
        what = "is part of a text, and a class has no parts; leave it out"
        yield Problem(f"{CALL}: phrase = {question.phrase}", what)
    for key, path in (("image", question.image), ("mask", question.mask)):
        if path is not None and Path(path).is_dir():
            yield Problem(f"{CALL}: dataset[0].{key} = {path}", "is a folder; give one file")
    for key, path in (("donors", question.donors), ("donor_masks", question.donor_masks)):
        if path is not None and (why := explain_absent(Path(path), Path())):
            yield Problem(f"{CALL}: {key} = {path}", why)
    yield from _find_about_donors(question)


def _find_about_donors(question: Question) -> Iterator[Problem]:
    if question.donors is not None and question.mask is None:
        what = "an object is cut out by its mask, and there is none; give the photo's mask, too"
        yield Problem(f"{CALL}: donors = {question.donors}", what)
    elif question.donors is not None and question.captions:
        what = "a caption speaks of several objects, and none is put on other backgrounds"
        yield Problem(f"{CALL}: donors = {question.donors}", f"{what}; leave them out")
    elif question.donors is not None and not question.edits:
        what = "needs OpenCV (cv2), which is not installed; pip install 'rateval[counterfactual]'"
        yield Problem(f"{CALL}: donors = {question.donors}", what)
    if question.donor_masks is not None and question.donors is None:
        what = "are masks of donors, and there are none; give donors, too"
        yield Problem(f"{CALL}: donor_masks = {question.donor_masks}", what)


def _find_unposed(question: Question, registry: Registry) -> Problem | None:
    """Return what is wrong with a model that is asked for something else than what it does."""
    if question.text is not None and not question.text.strip():
        return Problem(f"{CALL}: dataset[0].question", "is empty; ask something")
    if question.text is not None and question.classes is not None:
        what = "is answered by a text, not by one of classes; give one of both"
        return Problem(f"{CALL}: dataset[0].question = {question.text}", what)
    named = _as_table(question.model).get("use")
    try:
        found = find_component("model", str(named), registry, Path())
    except RatevalError:
        return None  # who checks all says so
    tasks = found.component.tasks
    if question.classes is not None:
        if "classification" in tasks:
            return None
        what = "and chooses from no classes"
        return Problem(
            f"{CALL}: dataset[0].classes", f'"{named}" says texts {what}; leave them out'
        )
    if question.text is not None or "captioning" in tasks:
        return None
    if "vqa" in tasks:
        return Problem(f"{CALL}: dataset[0].question", f'is missing: "{named}" answers one')
    what = f'are missing: "{named}" chooses from them; give two or more'
    return Problem(f"{CALL}: dataset[0].classes", what)


def _find_in_classes(classes: Sequence[str], label: str | None) -> Iterator[Problem]:
    shown = ",".join(classes)
    shown = shown if len(shown) <= 60 else f"{shown[:57]}..."
    twice = [name for name, count in Counter(classes).items() if count > 1]
    if len(classes) < 2:
        what = "is one class" if classes else "names no class"
        yield Problem(f"{CALL}: dataset[0].classes = {shown}", f"{what}; give two or more")
    elif twice:
        what = f"names {list_some(twice)} more than once; name each class once"
        yield Problem(f"{CALL}: dataset[0].classes = {shown}", what)
    if label is not None and label not in classes:
        what = f"is not among the classes; {suggest(label, set(classes))}"
        yield Problem(f"{CALL}: dataset[0].label = {label}", what)


def _find_unedited(question: Question, choice: Choice) -> Iterator[Problem]:
    if choice.by_edits and question.donors is None:
        what = "judges by the object on other backgrounds; give donors to take them from"
        yield Problem(f"{CALL}: evidence[0].use = {choice.label}", what)
