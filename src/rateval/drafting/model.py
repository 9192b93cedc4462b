"""The model of a draft and its fine-tuning methods, recognised by names and shapes of weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from rateval.drafting.data import DraftedData
from rateval.drafting.guessing import Recognised, recognise, require_usable
from rateval.errors import RatevalError
from rateval.modelkit.clues import Clues
from rateval.registry.registry import Registry
from rateval.wording import list_some


@dataclass(frozen=True, slots=True)
class DraftedModel:
    """A model and the methods to compare."""

    chosen: Recognised
    methods: Sequence[Recognised]
    """Some of them may lack something, but not all."""


def draft_model(clues: Clues, data: DraftedData, registry: Registry) -> DraftedModel:
    """Recognise the model behind a checkpoint, and what can be done with it on this data.

    Raises RatevalError when nothing reads it, and when no method can run.
    """
    what = "no --checkpoint" if clues.checkpoint is None else f"--checkpoint {clues.checkpoint}"
    guesses = recognise("model", clues, registry, data.task)
    if not guesses.found:
        if guesses.refusals:
            raise RatevalError("; ".join(guesses.refusals))
        if clues.checkpoint is None:
            raise RatevalError(
                f"{what}: the data pose the task {data.task}, and no model for it comes with what "
                "is installed; give one by --checkpoint"
            )
        raise RatevalError(
            f"{what}: {len(clues.weights)} tensors of no model that is known here, such as "
            f"{list_some(list(clues.weights)[:4])}; docs/checkpoints.md says what can be read. "
            f"Looked: {', '.join(guesses.asked)}"
        )
    chosen = guesses.found[0]
    require_usable(chosen, what)
    before = replace(clues, pristine=chosen.guess.pristine)
    methods = recognise("finetuner", before, registry, data.task)
    checked = [_compare(one, chosen, data) for one in methods.found]
    if all(one.guess.lacks for one in checked):
        lacks = [f"{one.name}: {one.guess.lacks}" for one in checked] + list(methods.refusals)
        raise RatevalError(
            f"{what}: {chosen.guess.why}, but nothing can be run with it: {'; '.join(lacks)}"
        )
    for one in checked:
        if not one.guess.lacks:
            require_usable(one, what)
    return DraftedModel(chosen, checked)


def _compare(method: Recognised, model: Recognised, data: DraftedData) -> Recognised:
    """Return a method that lacks something where its sizes are not those of model and data."""
    own = method.guess.sizes
    if method.guess.lacks or not own:
        return method
    classes, features = own.get("classes"), own.get("features")
    if classes is not None and classes != len(data.classes):
        return method.lacking(
            f"its linear head has {classes} classes, and the photos have {len(data.classes)} "
            f"({list_some(data.classes)}); list all labels of the head in its order, as classes = "
            "[…] of the dataset, or give the photos that it was trained for"
        )
    wanted = model.guess.sizes.get("features")
    if features is not None and wanted is not None and features != wanted:
        return method.lacking(
            f"its linear head takes {features} numbers, and the features of {model.name} are "
            f"{wanted}, so that it sits on something else, such as what comes before the "
            "projection, which is not read (docs/checkpoints.md)"
        )
    return method
