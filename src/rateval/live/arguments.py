"""The data of a call, looked at before anything is computed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from numbers import Integral
from os import PathLike
from typing import Any

from rateval.data.faults import is_label
from rateval.errors import Problem, SpecError
from rateval.live.components import CALL
from rateval.live.identity import digest_images, fresh
from rateval.live.images import (
    GivenDataset,
    GivenSplit,
    InOrder,
    Reading,
    explain_sizes,
    first_of,
    name_images,
)
from rateval.live.pictures import explain_image, explain_mask, size_of
from rateval.wording import describe, suggest

_SHOWN = 10
"""Problems of one argument that are told; the others are counted."""


def read_data(
    images: Any, labels: Any, masks: Any, classes: Any, *, passes: int
) -> tuple[GivenDataset, int]:
    """Return the data of a call as a dataset, and how many threads may read it; 0 is any number.

    Images are read ``passes`` times. Raises SpecError with everything that is wrong with the
    arguments, before a pixel of a file is decoded.
    """
    names = _list(classes)
    problems = list(_check_classes(classes, names))
    numbers, wrong = _number(labels, names or [])
    problems += wrong
    count = None if numbers is None else len(numbers)
    known, reading, wrong = _open(images, count, passes)
    problems += wrong
    evidence = None if masks is None else _list(masks)
    if masks is not None:
        problems += _check_masks(masks, evidence, count, known)
    if problems or numbers is None or reading is None:
        raise SpecError(problems)
    split = GivenSplit(
        reading,
        numbers,
        evidence,
        name_images(known, len(numbers)),
        fresh() if known is None else digest_images(known, numbers, evidence),
    )
    has_masks = evidence is not None and any(mask is not None for mask in evidence)
    dataset = GivenDataset(tuple(names or ()), split, has_masks)
    return dataset, 1 if isinstance(reading, InOrder) else 0


def _problem(where: str, what: str) -> Problem:
    if what.startswith("= "):
        value, _, what = what.partition(": ")
        where = f"{where} {value}"
    return Problem(f"{CALL}: {where}", what)


def _list(values: Any) -> list[Any] | None:
    """Return what an argument lists, arrays and tensors as Python's numbers; None for no list."""
    if isinstance(values, str | bytes | PathLike) or not isinstance(values, Iterable):
        return None
    if hasattr(values, "tolist") and getattr(values, "ndim", 1) <= 1:
        values = values.tolist()
    return list(values)


def _check_classes(given: Any, names: list[Any] | None) -> Iterator[Problem]:
    asked = "give the names of the classes, each once, as they stand in a prompt"
    if not names:
        yield _problem("classes", f"is {describe(given)}; {asked}")
        return
    for at, name in enumerate(names):
        if not isinstance(name, str) or not name.strip():
            yield _problem(f"classes[{at}]", f"is {describe(name)}, no text; {asked}")
    twice = [name for name, count in Counter(map(str, names)).items() if count > 1]
    if twice:
        yield _problem("classes", f'names "{twice[0]}" more than once; {asked}')


def _number(labels: Any, names: Sequence[Any]) -> tuple[list[int] | None, list[Problem]]:
    """Return labels as indices into the classes, and what is wrong with them."""
    given = _list(labels)
    if given is None:
        asked = "give a class for each image, its index in classes or its name"
        return None, [_problem("labels", f"is {describe(labels)}; {asked}")]
    if not given:
        return None, [_problem("labels", "is empty; give at least one image with its label")]
    index = {name: at for at, name in enumerate(names)}
    numbers: list[int] = []
    wrong: list[tuple[int, str]] = []
    for at, label in enumerate(given):
        found = index.get(label) if isinstance(label, str) else label
        if is_label(found, len(names)):
            numbers.append(int(found))  # type: ignore[arg-type]  # a whole number
        elif names:
            wrong.append((at, _explain_label(label, names)))
    if len(numbers) == len(given):
        return numbers, []
    # How many there are is known all the same.
    return [0] * len(given), _tell("labels", wrong)


def _explain_label(label: object, names: Sequence[Any]) -> str:
    if isinstance(label, str):
        return f'= "{label}": no such class; {suggest(label, map(str, names))}'
    whole = isinstance(label, Integral) and not isinstance(label, bool)
    allowed = f"a whole number from 0 to {len(names) - 1}, or a name of classes"
    return f"= {label}: must be {allowed}" if whole else f"is {describe(label)}; give {allowed}"


def _open(
    images: Any, count: int | None, passes: int
) -> tuple[Sequence[Any] | None, Reading | None, list[Problem]]:
    """Return images that lie in memory or in named files, how to read any, and what is wrong."""
    if isinstance(images, str | bytes | PathLike) or not (
        isinstance(images, Iterable) or hasattr(images, "__getitem__")
    ):
        asked = "give a list of images, a torch Dataset or any iterable of them"
        return None, None, [_problem("images", f"is {describe(images)}; {asked}")]
    indexed = hasattr(images, "__getitem__") and hasattr(images, "__len__")
    if indexed and count is not None and len(images) != count:
        return None, None, [_problem("images", _explain_count(len(images), count))]
    listed = isinstance(images, list | tuple) or getattr(images, "ndim", 0) == 4
    if listed:
        wrong = [(at, why) for at, image in enumerate(images) if (why := explain_image(image))]
        return images, images, _tell("images", wrong)
    if indexed:
        return None, images, _check_first(images[0] if len(images) else None)
    reading = InOrder(images, count or 0)
    if reading.once and passes > 1:
        what = (
            f"can be read but once, and {passes} times are asked for, once for each attribution, "
            "as often for each shift, and twice for counterfactual; give a list or a torch "
            "Dataset, or one attribution alone"
        )
        return None, None, [_problem("images", what)]
    # What can be read but once loses its first image by looking at it.
    return None, reading, [] if reading.once else _check_first(next(islice(images, 1), None))


def _check_first(item: Any) -> list[Problem]:
    why = explain_image(first_of(item))
    return [_problem("images[0]", why)] if why else []


def _check_masks(
    given: Any, masks: list[Any] | None, count: int | None, images: Sequence[Any] | None
) -> list[Problem]:
    if masks is None:
        return [_problem("masks", f"is {describe(given)}; give one for each image, or None")]
    if count is not None and len(masks) != count:
        return [_problem("masks", _explain_count(len(masks), count))]
    wrong = [(at, why) for at, mask in enumerate(masks) if (why := explain_mask(mask))]
    if not wrong and images is not None and len(images) == len(masks):
        wrong = list(_find_other_sizes(masks, images))
    return _tell("masks", wrong)


def _find_other_sizes(masks: Sequence[Any], images: Sequence[Any]) -> Iterator[tuple[int, str]]:
    for at, (mask, image) in enumerate(zip(masks, images, strict=True)):
        if mask is None or explain_image(image):
            continue
        sizes = size_of(mask), size_of(image)
        if sizes[0] is not None and sizes[1] is not None and sizes[0] != sizes[1]:
            yield at, explain_sizes(sizes[0], sizes[1])


def _explain_count(found: int, labels: int) -> str:
    return f"has {found}, and labels {labels}; give one for each image, in the same order"


def _tell(argument: str, wrong: Sequence[tuple[int, str]]) -> list[Problem]:
    told = [_problem(f"{argument}[{at}]", why) for at, why in wrong[:_SHOWN]]
    rest = len(wrong) - _SHOWN
    return [*told, _problem(argument, f"{rest} more like these")] if rest > 0 else told
