"""What is wrong with a sample that a plugin gave."""

from __future__ import annotations

from numbers import Integral

import numpy as np
from PIL import Image

from rateval.api.values import Asked, Depicted, Sample, Skipped
from rateval.wording import describe


def find_fault(sample: object, classes: int) -> tuple[str, str] | None:
    """Return what a sample must do that it doesn't, and what was got; None for a sound one.

    >>> find_fault(Sample("a", Image.new("RGB", (4, 2)), 3, None), 3)
    ('have a label, a whole number in [0, 3)', '3')
    >>> find_fault(Sample("a", Image.new("RGB", (4, 2)), 0, np.ones((4, 2), bool)), 3)
    ("have a mask of the image's size, (2, 4) bool", '(4, 2) bool')
    """
    if not isinstance(sample, Sample | Skipped):
        return "return Sample or Skipped", describe(sample)
    if not isinstance(sample.id, str) or not sample.id:
        return "have an id, text that is not empty", describe(sample.id)
    if isinstance(sample, Skipped):
        told = isinstance(sample.reason, str)
        return None if told else ("say why it is skipped", describe(sample.reason))
    image, mask = sample.image, sample.mask
    if not isinstance(image, Image.Image) or image.mode != "RGB":
        return "have a PIL image of mode RGB", describe(image)
    if not is_label(sample.label, classes):
        return f"have a label, a whole number in [0, {classes})", describe(sample.label)
    if mask is not None:
        size = (image.height, image.width)
        if not is_mask(mask, size):
            return f"have a mask of the image's size, {size} bool", describe(mask)
    if not isinstance(sample.caption, str | None):
        return "have a caption that is text, or None", describe(sample.caption)
    return _find_question_fault(sample.asked) or _find_depicted_fault(sample, classes)


def _find_question_fault(asked: object) -> tuple[str, str] | None:
    """Return what a question must be that it isn't, and what was got; None for a sound one.

    >>> _find_question_fault(Asked("what?", ("that",)))
    >>> _find_question_fault(Asked("what?", ()))
    ('be asked with a tuple of answers, one or more texts that are not empty', '()')
    """
    if asked is None:
        return None
    if not isinstance(asked, Asked):
        return "be asked by an Asked, or by None", describe(asked)
    if not isinstance(asked.question, str) or (asked.question and not asked.question.strip()):
        what = "be asked a question, text, which is empty where a caption is asked for"
        return what, describe(asked.question)
    answers: object = asked.answers
    sound = isinstance(answers, tuple) and all(isinstance(a, str) and a.strip() for a in answers)
    if not sound or not answers:
        what = "be asked with a tuple of answers, one or more texts that are not empty"
        return what, describe(answers)
    return None


def _find_depicted_fault(sample: Sample, classes: int) -> tuple[str, str] | None:
    """Return what a sample must show that it doesn't, and what was got; None for a sound one.

    >>> image, twice = Image.new("RGB", (4, 2)), (Depicted(0, None), Depicted(0, None))
    >>> _find_depicted_fault(Sample("a", image, 0, None, depicted=twice), 3)
    ('show each class once at most', 'class 0 twice')
    """
    if not isinstance(sample.depicted, tuple):
        return "say what it depicts by a tuple of Depicted", describe(sample.depicted)
    size, seen = (sample.image.height, sample.image.width), set[int]()
    for one in sample.depicted:
        if not isinstance(one, Depicted):
            return "say what it depicts by a tuple of Depicted", describe(one)
        if not is_label(one.label, classes):
            asked = f"depict classes, by whole numbers in [0, {classes})"
            return asked, describe(one.label)
        if one.label in seen:
            return "show each class once at most", f"class {one.label} twice"
        seen.add(one.label)
        mask: object = one.mask
        if mask is not None and not is_mask(mask, size):
            asked = f"have masks of the image's size, {size} bool, of what it depicts"
            return asked, describe(mask)
    return None


def is_mask(mask: object, size: tuple[int, int]) -> bool:
    """Return whether something is a mask of so many rows and columns."""
    return isinstance(mask, np.ndarray) and mask.dtype == np.bool_ and mask.shape == size


def is_label(label: object, classes: int) -> bool:
    """Return whether a label is a whole number in [0, classes); numpy's are, True and 1.0 aren't.

    >>> is_label(np.int64(2), 3), is_label(True, 3), is_label(1.0, 3), is_label(3, 3)
    (True, False, False, False)
    """
    whole = isinstance(label, Integral) and not isinstance(label, bool)
    return whole and bool(0 <= label < classes)  # type: ignore[operator]  # a whole number
