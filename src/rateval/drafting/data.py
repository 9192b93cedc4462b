"""The dataset of a draft: recognised, made, and a few of its photos looked at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rateval.api.component import Context
from rateval.api.protocols import Dataset, Split
from rateval.api.values import Sample, Skipped
from rateval.drafting.guessing import Guesses, Recognised, recognise, require_usable
from rateval.errors import RatevalError
from rateval.modelkit.clues import Clues
from rateval.plan.cells import Choice
from rateval.registry.registry import Registry
from rateval.wording import list_some
from rateval.workbench.build import build

_LOOKED_AT = 24
"""Photos that are opened, from the whole of a split: enough to see what is wrong with all."""


@dataclass(frozen=True, slots=True)
class DraftedData:
    """A dataset as far as it was found out."""

    chosen: Recognised
    classes: Sequence[str]
    facts: Sequence[str]
    """What was found, in sentences."""
    unknown: Sequence[str]
    has_masks: bool


def draft_data(clues: Clues, registry: Registry) -> DraftedData:
    """Recognise the data, make the dataset of it and open some photos.

    Raises RatevalError when nothing reads it, or what does lacks something.
    """
    guesses = recognise("dataset", clues, registry)
    what = f"--data {clues.data}" + (f" --masks {clues.masks}" if clues.masks else "")
    if not guesses.found:
        raise RatevalError(_explain_nothing(what, guesses, clues.data))
    chosen, *others = guesses.found
    params = require_usable(chosen, what)
    choice = Choice(chosen.name, chosen.registered, params)
    dataset: Dataset = build(choice, Context())
    unknown = list(chosen.guess.unknown)
    rivals = [one for one in others if one.guess.sure == chosen.guess.sure]
    unknown += [f"it might as well be {one.name}: {one.guess.why}" for one in rivals]
    facts, open_questions = _look(dataset)
    notes = getattr(dataset, "notes", ())
    return DraftedData(
        chosen,
        tuple(dataset.classes),
        (chosen.guess.why, *facts),
        tuple(dict.fromkeys((*unknown, *open_questions, *notes))),  # a guess knows some notes
        dataset.has_masks,
    )


def _explain_nothing(what: str, guesses: Guesses, data: Path | None) -> str:
    """Return what is wrong with what was nearly recognised, then what would be."""
    reasons = "".join(f"\n  {reason}" for reason in guesses.refusals)
    needed = (
        "needed is a folder with one folder of photos for each class, a table of photos and labels "
        "(such as photos.csv), a COCO file of instances, or what an annotation tool exported "
        "(docs/datasets.md)"
    )
    nothing = f"{what}: no dataset is recognised there"
    if not reasons:
        return f"{nothing}; {needed}. Looked: {', '.join(guesses.asked)}"
    return f"{nothing}:{reasons}" + (f"\n{needed}" if data is not None and data.is_dir() else "")


def _look(dataset: Dataset) -> tuple[list[str], list[str]]:
    test, train = dataset.test, dataset.train
    facts = [
        f"{len(dataset.classes)} classes: {list_some(dataset.classes)}",
        f"{len(test)} photos to test on, "
        + (f"{len(train)} to train on" if train is not None else "none to train on"),
    ]
    seen = _open_some(test)
    samples = [one for one in seen if isinstance(one, Sample)]
    broken = [one for one in seen if isinstance(one, Skipped)]
    masked = [one.mask for one in samples if one.mask is not None]
    share = 100 * float(np.mean([mask.mean() for mask in masked])) if masked else 0
    facts.append(
        f"of {len(seen)} test photos that were opened, {len(samples)} can be read and "
        f"{len(masked)} have evidence" + (f", {share:.0f} % of the photo" if masked else "")
    )
    unknown = [f"photos that are left out: {one.id}: {one.reason}" for one in broken[:3]]
    if samples and not masked:
        unknown.append(
            "evidence: none of these photos has any, so that the report can tell accuracy and "
            "nothing about reasons; give masks or annotations by --masks"
        )
    if any(mask.mean() > 0.95 for mask in masked):
        unknown.append(
            "masks that cover nearly the whole photo: is evidence what is above 0 in them? "
            "mask_values says otherwise where the reader takes it"
        )
    return facts, unknown


def _open_some(split: Split) -> Sequence[Sample | Skipped]:
    count = len(split)
    step = max(1, -(-count // _LOOKED_AT))
    return list(split.samples(range(0, count, step)))
