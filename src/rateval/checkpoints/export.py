"""A classifier as files that work without rateval: model, head, and what they are."""

from __future__ import annotations

import dataclasses
import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from rateval.api.protocols import Classifier, Model
from rateval.api.values import HeadDecision, PromptDecision
from rateval.checkpoints.decision import decide
from rateval.checkpoints.restore import Restored
from rateval.errors import RatevalError
from rateval.json_file import read_json, write_json
from rateval.modelkit.writing import write_safetensors

DESCRIPTION = "rateval.json"
HEAD = "head.safetensors"
FORMAT = 1
_TOLERANCE = 1e-4
"""Largest difference of the logits, relative to the largest logit."""

TEXT_MODEL = "rateval.api.tasks.texts:TextModel"
"""Protocol of models that answer by texts."""
_CLASSES_TRIED = 16
_INPUTS = {
    "features": ("", "model.features(image)"),
    "embedding": ("embedding_head.", "model.encode_image(image) of unit length"),
}
"""What a head sits on, to the beginning of its names in the file, and to how it is described."""


def require_room(folder: Path, *, force: bool) -> None:
    """Raise RatevalError unless ``folder`` can be written into: absent, empty, or by ``force``."""
    if folder.exists() and not folder.is_dir():
        raise RatevalError(f"{folder}: is a file; give a folder that is empty or not there yet")
    if folder.is_dir() and any(folder.iterdir()) and not force:
        raise RatevalError(
            f"{folder}: is not empty; give another folder, or write into it with --force, which "
            "replaces the files of an earlier export"
        )


def export(restored: Restored, folder: Path, origin: Mapping[str, Any]) -> tuple[Path, ...]:
    """Write the model by its own ``export_checkpoint``, the head if it has one, and rateval.json.

    ``origin`` says which run it comes from. Files of an earlier export into this folder are
    replaced once everything is written beside it. Raises RatevalError when the folder cannot be
    written to, and when model and head alone would decide otherwise than the classifier.
    """
    classifier = restored.classifier
    decision = None if _answers(restored) else _require_decision(restored)
    described = (
        _describe_answers(restored)
        if decision is None
        else describe_decision(classifier, decision, restored.classes)
    )
    with _replacing(folder) as scratch:
        files = list(classifier.model.export_checkpoint(scratch))
        if isinstance(decision, HeadDecision):
            files.append(_write_head(decision, scratch, restored.classes))
        names = [file.relative_to(scratch).as_posix() for file in files]
        content = _describe(restored, described, origin) | {"files": [*names, DESCRIPTION]}
        write_json(scratch / DESCRIPTION, content)
    return tuple(folder / name for name in content["files"])


def _answers(restored: Restored) -> bool:
    """Return whether it answers by texts, so that the model alone decides."""
    protocol = restored.model.registered.component.protocol
    return getattr(restored.classifier, "decision", None) is None and protocol == TEXT_MODEL


def _describe_answers(restored: Restored) -> dict[str, Any]:
    model = restored.classifier.model
    if not hasattr(model, "export_checkpoint"):
        raise RatevalError(
            f'model "{restored.model.label}" of {restored.model.registered.plugin}: has no '
            "export_checkpoint(folder), by which a model writes its own files; only models that "
            "have it can be exported (docs/plugins.md)"
        )
    return {"answers": "what the model writes, greedily, or the likeliest of a list", "head": None}


def _require_decision(restored: Restored) -> PromptDecision | HeadDecision:
    # Classifiers of plugins that were written before there were decisions have no such member.
    decision = getattr(restored.classifier, "decision", None)
    if isinstance(decision, PromptDecision | HeadDecision):
        return decision
    method = restored.finetuner
    raise RatevalError(
        f'finetune "{method.label}" of {method.registered.plugin}: its classifier does not say how '
        "it decides, so that nobody could decide by the exported files; only methods whose "
        "classifier has a `decision`, by prompts or by a linear head, can be exported "
        "(docs/plugins.md says how a plugin declares one)"
    )


@torch.no_grad()
def describe_decision(
    classifier: Classifier, decision: PromptDecision | HeadDecision, classes: Sequence[str]
) -> dict[str, Any]:
    """Return how model and head, or model and prompts, make the classifier's logits.

    It is tried on an image of noise. Raises RatevalError when they don't make them.
    """
    model = classifier.model
    height, width = model.card.image_size
    image = torch.randn(1, 3, height, width, generator=torch.Generator().manual_seed(0))
    wanted = classifier.logits(image)
    if isinstance(decision, PromptDecision):
        # A thousand classes of eighty prompts each take their time; some show it as well.
        wanted = wanted[:, :_CLASSES_TRIED]
        found = decide(model, decision, classes[:_CLASSES_TRIED], image)
    else:
        found = decide(model, decision, classes, image)
    off = (found - wanted).abs().max() / wanted.abs().max().clamp(min=1)
    if not off <= _TOLERANCE:
        alone = "prompts" if isinstance(decision, PromptDecision) else "its linear head"
        raise RatevalError(
            f"this fine-tuning method decides in a way of its own: its model with {alone} alone "
            f"gives logits that differ by {float(off):.1e}, so that the exported files would be "
            "another classifier; only methods that decide by prompts or by a linear head can be "
            "exported"
        )
    return _describe_decision(model, decision) | {"prompts": model.prompts(classes)}


def _describe_decision(model: Model, decision: PromptDecision | HeadDecision) -> dict[str, Any]:
    if isinstance(decision, PromptDecision):
        return {
            "logits": "scale * cosine of model.encode_image(image) and each class",
            "scale": decision.scale,
            "class": "mean of its prompts' embeddings of unit length, of unit length again",
            "head": None,
        }
    _, inputs = _INPUTS[decision.on]
    return {
        "logits": "inputs @ weight.T + bias",
        "head": {"file": HEAD, "inputs": inputs, "feature": model.card.head_feature},
    }


def _write_head(decision: HeadDecision, folder: Path, classes: Sequence[str]) -> Path:
    # A head on the features is the usual one; one on the embedding says so by its names, too.
    own, inputs = _INPUTS[decision.on]
    head = {f"{own}weight": decision.weight, f"{own}bias": decision.bias}
    metadata = {"classes": json.dumps(list(classes)), "inputs": inputs}
    return write_safetensors(head, folder / HEAD, metadata)


def _describe(
    restored: Restored, decision: Mapping[str, Any], origin: Mapping[str, Any]
) -> dict[str, Any]:
    model, finetuner = restored.model, restored.finetuner
    card = dataclasses.asdict(restored.classifier.model.card)
    return {
        "format": FORMAT,
        "rateval": version("rateval"),
        "run": dict(origin),
        "classes": list(restored.classes),
        "decision": dict(decision),
        "model": {"label": model.label} | model.describe() | {"card": card},
        "finetuner": {"label": finetuner.label} | finetuner.describe(),
        "identity": restored.identity,
        "inputs": restored.inputs,
    }


@contextmanager
def _replacing(folder: Path) -> Iterator[Path]:
    """Yield a folder to write into, whose files then take the place of those in ``folder``."""
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent) as scratch:
            yield Path(scratch)
            _remove_earlier(folder)
            readable = (Path(scratch) / DESCRIPTION).stat().st_mode
            for file in sorted(path for path in Path(scratch).rglob("*") if path.is_file()):
                file.chmod(readable)  # safetensors keeps its files to their owner
                target = folder / file.relative_to(scratch)
                target.parent.mkdir(parents=True, exist_ok=True)
                file.replace(target)
    except OSError as error:
        raise RatevalError(
            f"{folder}: cannot be written to: {error.strerror or error}; choose another folder"
        ) from error


def _remove_earlier(folder: Path) -> None:
    # Else the head of another classifier could stay beside this model.
    if not (folder / DESCRIPTION).is_file():
        return
    for name in read_json(folder / DESCRIPTION).get("files", []):
        file = folder / str(name)
        if file.resolve().is_relative_to(folder.resolve()):
            file.unlink(missing_ok=True)
