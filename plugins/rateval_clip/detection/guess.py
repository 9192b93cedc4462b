"""The entry of a spec for a CLIP that was recognised, and what its weights don't say."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import open_clip
import torch

from rateval.api import RatevalError
from rateval.modelkit import Clues, Guess, list_some, read_state_dict, suggest
from rateval_clip.checkpoint.origin import find_origin
from rateval_clip.detection.candidates import (
    NEAR,
    Base,
    Candidate,
    candidate_of,
    find_candidates,
    nearest_base,
)
from rateval_clip.detection.told import Told, tell
from rateval_clip.params import QUICKSTART, RANDOM, checkpoint_path
from rateval_clip.tags import cached_weights

_USUAL = ("ViT-B-32", "ViT-B-16", "ViT-L-14")
_HEAD_FILE = "head.safetensors"


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
    base = _named_base(clues, candidates) if clues.base else nearest_base(told, candidates, clues)
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
    chosen, reason, open_questions = _choose_activation(told, clues, candidates)
    looked = (
        f"the nearest on this computer, {far.name}, is {100 * far.distance:.0f} % away"
        if far is not None
        else "none of this architecture is on this computer"
    )
    where = (
        f"the model before its fine-tuning: {looked}. Zero-shot needs it: name it by --base, or "
        "fetch it (rateval model fetch, docs/checkpoints.md) and call rateval init again, or set "
        "architecture and pretrained in [[model]]"
    )
    params: dict[str, Any] = {"architecture": chosen.architecture}
    has_head = _has_head(told, clues)
    if told.kind == "tower" and not has_head:
        return Guess(
            why,
            sure=3,
            lacks=f"the text tower that it was trained with, for there is no linear head: {where}",
        )
    if told.kind == "whole" and not told.beside:
        params |= {"pretrained": _as_path(clues.file)}
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


def _choose_activation(
    told: Told, clues: Clues, candidates: Sequence[Candidate]
) -> tuple[Candidate, str, list[str]]:
    """Return a candidate, why it of those that differ in activation, and what stays open."""
    if clues.file is not None and candidates[0].name == str(clues.file.parent):
        return candidates[0], ", as the config beside it says", []
    origin = None if clues.file is None else find_origin(clues.file, told.weights)
    quick = _kept_by_openai(told)
    if origin is not None:
        quick, reason = origin.quick_gelu, f", by {origin.why}"
    else:
        reason = ""
    fitting = [one for one in candidates if one.quick_gelu == quick] or list(candidates)
    chosen = fitting[0]
    others = [one.name for one in candidates if one is not chosen]
    if origin is not None or not others:
        return chosen, reason, []
    named = " or ".join(f'"{name}"' for name in others)
    if len({one.quick_gelu for one in candidates}) == 1:
        return (
            chosen,
            reason,
            [
                f"which of several architectures of one shape it is: {chosen.name} is taken; "
                f"architecture = {named} would fit as well"
            ],
        )
    taken = (
        "QuickGELU is taken, for the numbers are half and single precision mixed, as OpenAI's own "
        "program leaves them"
        if quick and chosen.quick_gelu
        else f"{'QuickGELU' if chosen.quick_gelu else 'GELU'} is taken, as {chosen.name} computes "
        "it and models of LAION and DataComp do; those of OpenAI, DFN and MetaCLIP compute "
        "QuickGELU"
    )
    question = (
        f"the activation, which shapes don't tell, and which changes every result: {taken}; where "
        f"that is wrong set architecture = {named}"
    )
    return chosen, reason, [question]


def _kept_by_openai(told: Told) -> bool:
    kinds = {tensor.dtype for tensor in told.weights.values() if tensor.ndim}
    return {torch.float16, torch.float32} <= kinds


def _has_head(told: Told, clues: Clues) -> bool:
    if clues.file is not None and (clues.file.parent / _HEAD_FILE).is_file():
        return True
    return any(clues.weights[key].ndim == 2 for key in told.beside)


def _as_path(file: Path | None) -> str:
    text = str(file)
    return text if checkpoint_path(text) is not None else f"./{text}"


def _sizes(candidate: Candidate) -> dict[str, int]:
    config = (
        open_clip.get_model_config(candidate.architecture)
        if candidate.architecture in open_clip.list_models()
        else None
    )
    return {} if config is None else {"features": config["embed_dim"]}


def _named_base(clues: Clues, candidates: Sequence[Candidate]) -> Base:
    """Return the base that somebody named: a path, the quickstart, or a tag in the cache."""
    named = clues.base
    path = Path(named).expanduser()
    if path.exists():
        return _base_at(path, candidates, clues)
    if named == QUICKSTART and any(one.architecture == QUICKSTART for one in candidates):
        return Base(candidates[0], None, "the tiny CLIP that comes with rateval")
    name, _, tag = named.rpartition("/")
    known = {one.architecture for one in candidates}
    tags = {tag for name, tag in open_clip.list_pretrained() if name in known}
    for candidate in candidates:
        if tag in tags and name in ("", candidate.architecture):
            try:
                cached_weights(candidate.architecture, tag)
            except RatevalError:
                continue
            return Base(candidate, tag, f"{candidate.name} {tag}")
    hint = f"; {meant}" if (meant := suggest(tag, tags)).startswith("did") else ""
    raise RatevalError(
        f"--base {named}: neither a path nor, for {list_some(one.name for one in candidates)}, a "
        f"tag of open_clip's whose weights are in your cache{hint}; give the path of the weights "
        "that the fine-tuning began with"
    )


def _base_at(path: Path, candidates: Sequence[Candidate], clues: Clues) -> Base:
    if path.is_dir():
        folder = candidate_of(path)
        if folder is not None:
            return Base(folder, None, str(path))
        raise RatevalError(f"--base {path}: holds no open_clip_config.json; give the file itself")
    other = tell(read_state_dict(path))
    if other is None or other.kind != "whole":
        raise RatevalError(
            f"--base {path}: its weights are not those of a whole CLIP; give the file that the "
            "fine-tuning began with"
        )
    chosen, _, _ = _choose_activation(other, Clues(file=path), candidates)
    return Base(chosen, _as_path(path), str(path))


def _of_adapter(clues: Clues, why: str) -> Guess:
    path = Path(clues.base).expanduser()
    if clues.base and path.exists():
        file = path / "open_clip_model.safetensors" if path.is_dir() else path
        if file.is_file() and (other := tell(read_state_dict(file))) is not None:
            found = find_candidates(other, file)
            if found:
                chosen, reason, unknown = _choose_activation(other, Clues(file=file), found)
                own = chosen.name == str(file.parent)
                params = {"architecture": chosen.architecture}
                params |= {} if own else {"pretrained": _as_path(file)}
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
