"""A model that was fine-tuned elsewhere, as a row of the study."""

from __future__ import annotations

import json
import reprlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import safetensors
import torch

from rateval.api import Classifier, Context, Logbook, Model, RatevalError, Split
from rateval.modelkit import list_some, read_state_dict
from rateval_finetune.methods.checkpoint_files import locate
from rateval_finetune.methods.tuned_model import (
    MODEL,
    TunedPromptClassifier,
    copy_model,
    load_model,
)
from rateval_finetune.training.linear_head import (
    EMBEDDING_HEAD,
    HEAD,
    HeadClassifier,
    count_features,
    restore_head,
)
from rateval_finetune.training.modes import freeze

if TYPE_CHECKING:
    from rateval_finetune.params import CheckpointParams


_HEADS = (HEAD, EMBEDDING_HEAD)


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
        weights, head, source = read(self._params)
        _require_same_classes(self._params, classes)
        model.load_checkpoint(weights, source)
        try:
            return self._wrap(model, classes, head)
        except RatevalError as error:
            raise RatevalError(
                f"checkpoint: head of {source}: {error} (the dataset has {len(classes)} classes)"
            ) from error

    def restore(
        self, model: Model, classes: Sequence[str], state: dict[str, torch.Tensor]
    ) -> Classifier:
        """Load the stored weights. Raises RatevalError when ``state`` does not fit them."""
        whole = {name: tensor for name, tensor in state.items() if name.startswith(MODEL)}
        load_model(model, whole)
        return self._wrap(model, classes, {k: v for k, v in state.items() if k not in whole})

    def _wrap(
        self, model: Model, classes: Sequence[str], head: dict[str, torch.Tensor]
    ) -> Classifier:
        freeze(model)
        if not head:
            return TunedPromptClassifier(model, classes)
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


def read(params: CheckpointParams) -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor], Path]:
    """Return the model's tensors, the head's (``head.weight`` and so on), and the weights' file.

    Raises RatevalError for files that can't be read safely.
    """
    weights, head_file = locate(params)
    state = read_state_dict(weights)
    head = {name: tensor for name, tensor in state.items() if name.startswith(_HEADS)}
    model = {name: tensor for name, tensor in state.items() if name not in head}
    if head_file is not None:
        head = {
            name if name.startswith(_HEADS) else f"{HEAD}{name}": tensor
            for name, tensor in read_state_dict(head_file).items()
        }
    return model, head, weights


def make_checkpoint(params: CheckpointParams, context: Context) -> CheckpointLoader:
    """Make the finetuner that loads a file."""
    return CheckpointLoader(params, context)
