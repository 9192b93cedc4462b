"""What `rateval init` writes of methods: zero-shot, and a checkpoint as it lies there."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rateval.api import RatevalError
from rateval.modelkit import Clues, Guess
from rateval_finetune.loading.files import is_adapter, locate
from rateval_finetune.params import CheckpointParams

if TYPE_CHECKING:
    from rateval_finetune.loading.heads import Head

_AVERAGED = re.compile(r"(^|[._])(ema|averaged?|swa)([._]|$)")
_ON = (
    "what the head sits on: taken to be the model's features; if images' embeddings were scaled to "
    'unit length before it, set head_on = "embedding"'
)
_LEAST = 8
"""Names that two copies of a model have in common at least."""


def detect_zero_shot(clues: Clues) -> Guess:
    """Return zero-shot, which lacks a base model where the spec's is the fine-tuned one."""
    if clues.pristine:
        return Guess("zero-shot, which changes in the report are taken against", sure=3)
    return Guess(
        "zero-shot, which changes in the report would be taken against",
        sure=3,
        lacks="the weights from before the fine-tuning, which are not found on this computer: name "
        "them in [[model]] above, or by --base, and take the # away",
    )


def detect_checkpoint(clues: Clues) -> Guess | None:
    """Return how the checkpoint is read; None when there is none.

    Raises RatevalError when it holds several linear heads.
    """
    if clues.checkpoint is None or clues.file is None:
        return None
    path = _path(clues.checkpoint, clues.file)
    params: dict[str, Any] = {"path": str(path)}
    unknown = []
    if clues.averaged:
        params["weights"] = "ema"
    if clues.both:
        unknown.append(f"which weights are meant: {clues.both}")
    head, prefix = None, None
    if is_adapter(clues.file):
        why = f"a LoRA adapter, {clues.file}"
    else:
        prefix, others = _choose_copy(clues.weights)
        if prefix is not None:
            params["prefix"] = prefix
            unknown.append(
                f'which of the copies is meant, behind "{prefix}" or {others}: the first is taken; '
                "prefix says otherwise"
            )
        why = f"the fine-tuned weights, {clues.file}"
    head = _head(clues, path)
    if head is None:
        return Guess(f"{why}; no linear head, so by prompts", params, 2, tuple(unknown))
    why += f"; linear head {head.name}"
    if path.is_file() and not head.name.endswith("embedding_head"):
        unknown.append(_ON)
    sizes = {}
    weight = head.tensors.get("weight")
    if weight is not None and weight.ndim == 2:
        sizes = {"classes": len(weight), "features": weight.shape[1]}
        why += f" of {sizes['classes']} classes"
    return Guess(why, params, 2, tuple(unknown), sizes=sizes)


def _path(given: Path, file: Path) -> Path:
    """Return the folder where that is clear, for a head may lie in it, else the file."""
    try:
        locate(CheckpointParams(path=given))
    except RatevalError:
        return file
    return given


def _head(clues: Clues, path: Path) -> Head | None:
    from rateval_finetune.loading.heads import read_head, split_head

    _, head_file = locate(CheckpointParams(path=path))
    if head_file is not None:
        return read_head(head_file)[0]
    _, head = split_head(clues.weights, (), path)
    return head


def _choose_copy(weights: Mapping[str, Any]) -> tuple[str | None, str]:
    """Return the prefix to take where names come in several copies, and the others in words.

    None where there is one, or one beside its average: then the trained ones are taken.
    """
    groups: dict[str, set[str]] = defaultdict(set)
    for key in weights:
        first, dot, rest = key.partition(".")
        if dot:
            groups[first + "."].add(rest)
    copies = sorted(
        prefix
        for prefix, names in groups.items()
        if any(
            other != prefix and len(names & groups[other]) >= max(_LEAST, len(names) // 2)
            for other in groups
        )
    )
    if not copies:
        return None, ""
    copies.sort(key=lambda prefix: _AVERAGED.search(prefix) is not None)
    return copies[0], " or ".join(f'"{prefix}"' for prefix in copies[1:])
