"""A classifier made from a model: what training changed is kept, and put back."""

from __future__ import annotations

import inspect
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from typing_extensions import get_protocol_members

from rateval.api.protocols import Classifier, Model, Split
from rateval.api.training import Finetuner, Logbook
from rateval.errors import PluginError, RatevalError
from rateval.modelkit.writing import write_safetensors
from rateval.store.disk import writing

_NEEDED = get_protocol_members(Classifier) - {"decision"}  # without one it can still run
STATE = "classifier.safetensors"
KEPT = "kept.safetensors"
"""What a classifier keeps besides its state, so that it needn't be computed again."""


def finetune(
    finetuner: Finetuner,
    model: Model,
    train: Split | None,
    classes: Sequence[str],
    logbook: Logbook,
) -> Classifier:
    """Return a classifier fitted and frozen; ``model`` is trained in place.

    Raises RatevalError without samples.
    """
    if finetuner.trains:
        if train is None:
            raise RatevalError(
                "this dataset has no training split; use a fine-tuning method that trains nothing "
                "(such as zs) or another dataset"
            )
        if len(train) == 0:
            raise RatevalError("the training split holds no sample; nothing can be learnt from it")
    return _freeze(finetuner.fit(model, train, classes, logbook))


def save_state(classifier: Classifier, folder: Path, made_of: Mapping[str, Any]) -> None:
    """Write the tensors that fine-tuning changed or added, as safetensors.

    What the classifier keeps besides, such as embeddings of prompts, has a file of its own.
    ``made_of``, everything that determines them as JSON values, stands in the files' headers: a
    file says what it is wherever it goes.
    """
    kept: dict[str, torch.Tensor] = getattr(classifier, "kept", dict)()
    for name, tensors in ((STATE, classifier.state()), (KEPT, kept)):
        path = folder / name
        if tensors or name == STATE:
            with writing(path):
                write_safetensors(tensors, path, {"made_of": json.dumps(made_of, sort_keys=True)})


def restore(finetuner: Finetuner, model: Model, classes: Sequence[str], folder: Path) -> Classifier:
    """Rebuild the classifier that ``save_state`` wrote."""
    state = safetensors.torch.load_file(folder / STATE)
    rebuild: Any = finetuner.restore
    more = {}
    if (folder / KEPT).exists() and "kept" in inspect.signature(rebuild).parameters:
        more["kept"] = safetensors.torch.load_file(folder / KEPT)
    return _freeze(rebuild(model, classes, state, **more))


def _freeze(classifier: Classifier) -> Classifier:
    # A text model answers by itself; nothing scores classes.
    answers = hasattr(getattr(classifier, "model", None), "generate")
    needed = sorted(_NEEDED - {"logits"} if answers else _NEEDED)
    lacking = [name for name in needed if not hasattr(classifier, name)]
    if lacking:
        raise PluginError(
            f"the finetuner must return a Classifier; got {classifier!r} without "
            f"{', '.join(lacking)}",
            kind="finetuner",
        )
    # Explanations need gradients of the activations; those of weights would double their cost.
    classifier.model.module.requires_grad_(False).eval()
    return classifier
