"""The entry of a spec for a CLIP that was recognised, and what its weights don't say."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import open_clip

from rateval.api import RatevalError
from rateval.modelkit import Clues, Guess, read_state_dict
from rateval_clip.detection.activation import choose_activation
from rateval_clip.detection.candidates import (
    NEAR,
    Base,
    Candidate,
    find_candidates,
    nearest_base,
)
from rateval_clip.detection.named import as_path, named_base
from rateval_clip.detection.told import Told, tell
from rateval_clip.params import QUICKSTART, RANDOM, WEIGHT_SUFFIXES
from rateval_clip.tags import cached_weights

_USUAL = ("ViT-B-32", "ViT-B-16", "ViT-L-14")
_HEAD_FILE = "head.safetensors"
_HEADS = "(head|embedding_head|fc|classifier|linear)"


def guess_model(clues: Clues, told: Told) -> Guess:
    """Return the entry for a checkpoint. Raises RatevalError for a base that isn't there."""
    why = _describe(told)
    if told.kind == "resnet":
        lacks = "its image tower is a ResNet, which has no self-attention to explain"
        return Guess(why, sure=3, lacks=f"{lacks}; give a vision transformer's")
    if told.kind == "adapter":
        return _of_adapter(clues, why)
    candidates = find_candidates(told, clues.file)
    if not candidates:
        return Guess(
            why,
            sure=3,
            lacks="no architecture of open_clip's has these sizes; put the open_clip_config.json "
            "of the model beside its weights",
        )
    base = named_base(clues, candidates) if clues.base else nearest_base(told, candidates, clues)
    if base is not None and base.distance <= NEAR:
        return _with_base(why, base, clues, candidates)
    return _without_base(why, told, clues, candidates, base)


def _describe(told: Told) -> str:
    what = {"tower": "the image tower of a CLIP", "adapter": "an adapter of a CLIP"}
    return (
        what.get(told.kind, "a CLIP")
        + " by the names of its weights"
        + (f": {told.size}" if told.size is not None else "")
    )


def _with_base(why: str, base: Base, clues: Clues, candidates: Sequence[Candidate]) -> Guess:
    params: dict[str, Any] = {"architecture": base.candidate.architecture}
    if base.pretrained is not None:
        params["pretrained"] = base.pretrained
    how = "as --base says" if clues.base else f"{100 * base.distance:.0f} % away, so it began there"
    return Guess(
        f"{why}; {base.candidate.name}, from the weights of {base.name} ({how})",
        params,
        sure=3,
        sizes=_sizes(base.candidate),
    )


def _without_base(
    why: str, told: Told, clues: Clues, candidates: Sequence[Candidate], far: Base | None
) -> Guess:
    chosen, reason, open_questions = choose_activation(told, clues, candidates)
    where = _say_where(far)
    params: dict[str, Any] = {"architecture": chosen.architecture}
    has_head = _has_head(told, clues)
    if told.kind == "tower" and not has_head:
        return Guess(
            why,
            sure=3,
            lacks=f"the text tower that it was trained with, for there is no linear head: {where}",
        )
    if told.kind == "whole" and not told.beside:
        params |= {"pretrained": as_path(clues.file)}
        params |= {"weights": "ema"} if clues.averaged else {}
    else:
        params["pretrained"] = RANDOM
        rest = "the text tower, which a linear head doesn't ask" if told.kind == "tower" else "none"
        open_questions = [
            *open_questions,
            'pretrained = "random": a place to load the checkpoint into, whose weights replace all '
            f"of these but {rest}",
        ]
    return Guess(
        f"{why}; {chosen.name}{reason}",
        params,
        sure=3,
        unknown=(where, *open_questions),
        fill={"pretrained": "path of the weights from before"},
        sizes=_sizes(chosen),
        pristine=False,
    )


def _say_where(far: Base | None) -> str:
    looked = (
        f"the nearest on this computer, {far.name}, is {100 * far.distance:.0f} % away"
        if far is not None
        else "none of this architecture is on this computer"
    )
    return (
        f"the model before its fine-tuning: {looked}. Zero-shot needs it: name it by --base, or "
        "fetch it (rateval model fetch, docs/checkpoints.md) and call rateval init again, or set "
        "architecture and pretrained in [[model]]"
    )


def _has_head(told: Told, clues: Clues) -> bool:
    """Return whether a linear head will be read with a checkpoint, so that no text is asked."""
    folder = clues.checkpoint
    if folder is not None and folder.is_dir() and (folder / _HEAD_FILE).is_file():
        # Of a folder with several files of weights one is named alone, without the head.
        return sum(path.suffix in WEIGHT_SUFFIXES for path in folder.iterdir()) == 2
    return any(re.search(r"(^|\.)" + _HEADS + r"\.weight$", key) for key in told.beside)


def _sizes(candidate: Candidate) -> dict[str, int]:
    config = (
        open_clip.get_model_config(candidate.architecture)
        if candidate.architecture in open_clip.list_models()
        else None
    )
    return {} if config is None else {"features": config["embed_dim"]}


def _of_adapter(clues: Clues, why: str) -> Guess:
    path = Path(clues.base).expanduser()
    if clues.base and path.exists():
        file = path / "open_clip_model.safetensors" if path.is_dir() else path
        if file.is_file() and (other := tell(read_state_dict(file))) is not None:
            found = find_candidates(other, file)
            if found:
                chosen, reason, unknown = choose_activation(other, Clues(file=file), found)
                own = chosen.name == str(file.parent)
                params = {"architecture": chosen.architecture}
                params |= {} if own else {"pretrained": as_path(file)}
                return Guess(f"{why}; its base is {clues.base}{reason}", params, 3, tuple(unknown))
    if clues.base == QUICKSTART:
        return Guess(f"{why}; its base is {QUICKSTART}", {}, 3)
    said = f"{clues.base}, which is no path here" if clues.base else "which it doesn't name"
    return Guess(
        why, sure=3, lacks=f"the model that it was trained on ({said}); name its path by --base"
    )


def guess_without(clues: Clues) -> Guess:
    """Return a CLIP that is on this computer, where no checkpoint was given."""
    for name, tag in open_clip.list_pretrained():
        if name.removesuffix("-quickgelu") in _USUAL:
            try:
                cached_weights(name, tag)
            except RatevalError:
                continue
            params = {"architecture": name, "pretrained": tag}
            return Guess(f"no checkpoint was given; {name} {tag} is in your cache", params, 1)
    return Guess(
        "no checkpoint was given; the tiny CLIP that comes with rateval",
        {},
        0,
        unknown=(
            "the model: this one knows drawn shapes and no photos, so that its figures mean "
            "nothing; give yours by --checkpoint, or fetch one (rateval model fetch clip-vit-b-32) "
            "and set architecture and pretrained",
        ),
        fill={"architecture": "ViT-B-32-quickgelu", "pretrained": "path of ViT-B-32.pt"},
    )
