"""A model that was fine-tuned elsewhere, as a row of the study."""

from __future__ import annotations

import json
import reprlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import safetensors
import torch

from rateval.api import Classifier, Context, Logbook, Model, PluginError, RatevalError, Split
from rateval.modelkit import list_some
from rateval_finetune.loading.files import locate
from rateval_finetune.loading.reading import Checkpoint, read_checkpoint
from rateval_finetune.methods.tuned_model import (
    MODEL,
    TunedPromptClassifier,
    copy_model,
    load_model,
)
from rateval_finetune.training.linear_head import (
    HEAD,
    HeadClassifier,
    count_features,
    restore_head,
)
from rateval_finetune.training.modes import freeze

if TYPE_CHECKING:
    from rateval_finetune.params import CheckpointParams


class CheckpointHeadClassifier(HeadClassifier):
    """A classifier by a head that came with the weights of a whole model."""

    def state(self) -> dict[str, torch.Tensor]:
        """Copy the head and all weights of the model, as ``model.*``, to the CPU."""
        return super().state() | copy_model(self.model)


class CheckpointLoader:
    """The weights of a file, put into the model; nothing is trained.

    With a linear head the classes are those of the dataset in their order, without one they are
    told apart by prompts.
    """

    trains = False

    def __init__(self, params: CheckpointParams, context: Context) -> None:
        self._params = params
        self._device = context.device
        self._dtype: torch.dtype = getattr(torch, context.dtype)

    def fit(
        self, model: Model, train: Split | None, classes: Sequence[str], logbook: Logbook
    ) -> Classifier:
        """Load the file. Raises RatevalError when it holds another model or head."""
        found = read_checkpoint(self._params, model)
        _require_same_classes(self._params, classes)
        model.load_checkpoint(found.weights, found.source)
        _tell(model, found)
        try:
            return self._wrap(model, classes, found.head)
        except RatevalError as error:
            raise RatevalError(
                f"checkpoint: head of {found.source}: {error} (the dataset has "
                f"{len(classes)} classes)"
            ) from error

    def restore(
        self,
        model: Model,
        classes: Sequence[str],
        state: dict[str, torch.Tensor],
        kept: Mapping[str, torch.Tensor] | None = None,
    ) -> Classifier:
        """Load the stored weights. Raises RatevalError when ``state`` does not fit them."""
        whole = {name: tensor for name, tensor in state.items() if name.startswith(MODEL)}
        load_model(model, whole)
        head = {name: tensor for name, tensor in state.items() if name not in whole}
        return self._wrap(model, classes, head, kept)

    def _wrap(
        self,
        model: Model,
        classes: Sequence[str],
        head: dict[str, torch.Tensor],
        kept: Mapping[str, torch.Tensor] | None = None,
    ) -> Classifier:
        freeze(model)
        if not head:
            return TunedPromptClassifier(model, classes, kept)
        restored = restore_head(
            model,
            classes,
            head,
            self._device,
            self._dtype,
            tuned=False,
            on_embedding=not any(name.startswith(HEAD) for name in head),
        )
        made = CheckpointHeadClassifier(
            model, restored.head, tuned=False, on_embedding=restored.on_embedding
        )
        made.head.eval().requires_grad_(False)
        self._require_width(made)
        return made

    @torch.no_grad()
    def _require_width(self, classifier: HeadClassifier) -> None:
        size = classifier.model.card.image_size
        blank = torch.zeros(1, 3, *size, device=self._device, dtype=self._dtype)
        width = count_features(classifier.inputs, blank)
        given = classifier.head.in_features
        if given != width:
            what = "embedding" if classifier.on_embedding else "features"
            raise RatevalError(
                f"it takes {given} inputs, and the model's {what} are {width}; give the head that "
                f"was trained on this model's {what}"
            )


def _tell(model: Model, found: Checkpoint) -> None:
    """Say in the model's card what was done to read its weights."""
    if not found.notes and found.used is None:
        return
    owner: Any = model
    try:
        owner.card = replace(
            model.card,
            keys_used=model.card.keys_used if found.used is None else found.used,
            keys_ignored=(*model.card.keys_ignored, *found.left_out),
            assumed=(*model.card.assumed, *found.notes),
        )
    except AttributeError as error:
        raise PluginError(
            f"{type(model).__name__}.card cannot be replaced, so that nobody would learn how "
            f"{found.source} was read: {'; '.join(found.notes)}"
        ) from error


def _require_same_classes(params: CheckpointParams, classes: Sequence[str]) -> None:
    """Raise RatevalError when a head names its classes, and they are not those of the dataset."""
    _, file = locate(params)
    known = None if file is None else _named_classes(file)
    if known is None or known == list(classes):
        return
    how = "in another order" if sorted(known) == sorted(classes) else "others"
    raise RatevalError(
        f"checkpoint: head {file}: its classes are {how} than the dataset's: {list_some(known)}; "
        f"the dataset has {list_some(classes)}. Use the dataset that the head was trained on"
    )


def _named_classes(head: Path) -> list[str] | None:
    try:
        with safetensors.safe_open(head, framework="pt") as opened:
            named = (opened.metadata() or {}).get("classes")
    except safetensors.SafetensorError:
        return None  # a torch file, which names nothing
    if named is None:
        return None
    try:
        classes = json.loads(named)
    except (ValueError, RecursionError):
        classes = None
    if not isinstance(classes, list) or not all(isinstance(name, str) for name in classes):
        raise RatevalError(
            f"checkpoint: head {head}: its metadata has classes = {reprlib.repr(named)}: must be a "
            "JSON list of names; write it again, or leave it out where the classes are in the "
            "dataset's order"
        )
    return classes


def make_checkpoint(params: CheckpointParams, context: Context) -> CheckpointLoader:
    """Make the finetuner that loads a file."""
    return CheckpointLoader(params, context)
