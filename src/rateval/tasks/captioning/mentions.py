"""What captions mention of a dataset's classes, and what of that is there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from rateval.api.tasks.task import Inputs, Units
from rateval.api.values import Asked, Depicted
from rateval.errors import PluginError
from rateval.tasks.captioning.phrases import Phrase, Phrases

SAMPLES = pa.schema(
    [
        pa.field("output", pa.string(), nullable=False),
        pa.field("references", pa.list_(pa.string()), nullable=False),
        pa.field("likelihood", pa.float32(), nullable=False),
        pa.field("mentions", pa.int32(), nullable=False),
        pa.field("hallucinated", pa.int32(), nullable=False),
    ]
)
"""What is kept of each caption: among its mentions are those of one class several times."""


@dataclass(frozen=True, slots=True)
class Mention:
    """A class that a caption mentions."""

    sample: int
    """Place of its caption."""
    label: int
    phrase: Phrase
    """Where it is mentioned first."""
    times: int
    there: bool
    """Whether the object is there."""
    mask: NDArray[np.bool_] | None
    """Where; None where it isn't there, or nobody said where."""


def find_mentions(
    phrases: Phrases, captions: Sequence[str], inputs: Inputs, *, told: bool
) -> list[Mention]:
    """Return the classes that each of B captions mentions, by caption and then by class.

    An object is there where it is depicted; with ``told``, also where a reference mentions it.
    """
    asked = require(inputs.asked)
    found = []
    for at, (caption, depicted, one) in enumerate(
        zip(captions, inputs.depicted, asked, strict=True)
    ):
        masks = _list_there(phrases, depicted, one.answers if told else ())
        by_class: dict[int, list[Phrase]] = {}
        for phrase in phrases.find(caption):
            by_class.setdefault(phrase.label, []).append(phrase)
        found += [
            Mention(at, label, own[0], len(own), label in masks, masks.get(label))
            for label, own in sorted(by_class.items())
        ]
    return found


def _list_there(
    phrases: Phrases, depicted: Sequence[Depicted], references: Sequence[str]
) -> dict[int, NDArray[np.bool_] | None]:
    """Return the classes that are there, each with its mask if it is known."""
    spoken = [phrase.label for text in references for phrase in phrases.find(text)]
    return dict.fromkeys(spoken) | {one.label: one.mask for one in depicted}


def make_units(
    mentions: Sequence[Mention],
    classes: Sequence[str],
    captions: Sequence[str],
    likelihoods: Sequence[float],
    asked: Sequence[Asked | None],
) -> Units:
    """Return mentions as units, and what is kept of the captions."""
    times, hallucinated = (np.zeros(len(captions), dtype=np.int32) for _ in range(2))
    for one in mentions:
        times[one.sample] += one.times
        hallucinated[one.sample] += 0 if one.there else one.times
    references = [list(one.answers) for one in require(asked)]
    return Units(
        places=tuple(one.sample for one in mentions),
        names=tuple(classes[one.label] for one in mentions),
        labels=np.array([one.label for one in mentions], dtype=np.int64),
        classes=len(classes),
        masks=tuple(one.mask for one in mentions),
        samples=pa.RecordBatch.from_arrays(
            [
                pa.array(captions, pa.string()),
                pa.array(references, pa.list_(pa.string())),
                pa.array(likelihoods, pa.float32()),
                pa.array(times),
                pa.array(hallucinated),
            ],
            schema=SAMPLES,
        ),
    )


def require(asked: Sequence[Asked | None]) -> list[Asked]:
    """Return what people wrote of each sample. Raises PluginError where nobody did.

    >>> require([Asked("", ("a dog",))])[0].answers
    ('a dog',)
    """
    found = [one for one in asked if one is not None and one.answers]
    if len(found) != len(asked):
        raise PluginError(
            "the dataset poses the task captioning, and its samples must have a caption that "
            f"people wrote at least; {len(asked) - len(found)} of {len(asked)} have none",
            kind="dataset",
        )
    return found
