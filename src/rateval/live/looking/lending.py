"""Photos that lend their backgrounds, wherever they lie."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from rateval.api.component import Context
from rateval.api.protocols import Dataset, Model
from rateval.drafting.guessing import recognise, require_usable
from rateval.errors import RatevalError
from rateval.live.looking.asking import CALL, Question
from rateval.modelkit.clues import Clues
from rateval.modelkit.filling import View
from rateval.plan.cells import Choice
from rateval.registry.registry import Registry
from rateval.workbench.build import build, check_handed_over
from rateval.workbench.donors import Donors, read_donors

_POOL = 32
"""Donors that are read at most: enough to choose from, in a second or two."""
_SEED = 0


def find_donors(
    question: Question, classes: tuple[str, ...], model: Model, view: View, registry: Registry
) -> Donors:
    """Return donors of the photos that a question names, their labels those of ``classes``.

    What no class is called gets the label -1. Raises RatevalError where nothing reads the photos,
    or none of them has a mask.
    """
    where = f"{CALL}: donors = {question.donors}"
    masks = None if question.donor_masks is None else Path(question.donor_masks).expanduser()
    clues = Clues(Path(str(question.donors)).expanduser(), masks)
    guesses = recognise("dataset", clues, registry)
    if not guesses.found:
        why = "; ".join(guesses.refusals) or "no dataset is recognised there"
        raise RatevalError(
            f"{where}: {why}; give photos in class folders with donor_masks, or what else "
            "`rateval init` recognises (docs/datasets.md)"
        )
    chosen = guesses.found[0]
    choice = Choice(chosen.name, chosen.registered, require_usable(chosen, where))
    made: Dataset = check_handed_over(choice, build(choice, Context()), _SEED)
    asked = "give their masks, by which their own objects are taken out, as donor_masks"
    if not made.has_masks:
        raise RatevalError(f"{where}: none of these photos has a mask; {asked}")
    donors = read_donors(made.test, model, view, batch_size=16, readers=1, size=_POOL)
    donors = _without(donors, Path(question.image))
    if not donors.ids:
        raise RatevalError(
            f"{where}: no other photo lends its background: a mask must show in the model's view, "
            "and cover at most 60 % of it"
        )
    numbers = [classes.index(name) if name in classes else -1 for name in made.classes]
    return replace(donors, labels=np.array(numbers, dtype=np.int64)[donors.labels])


def _without(donors: Donors, photo: Path) -> Donors:
    """Return donors without the photo itself, by the paths that are ids of photos in folders."""
    path = photo.absolute().as_posix()
    kept = [at for at, name in enumerate(donors.ids) if not path.endswith(f"/{name}")]
    return Donors(
        tuple(donors.ids[at] for at in kept), donors.labels[kept], donors.backgrounds[kept]
    )
