"""The base of a fine-tuning, as somebody named it: a path, the quickstart, a tag in the cache."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import open_clip

from rateval.api import RatevalError
from rateval.modelkit import Clues, list_some, read_state_dict, suggest
from rateval_clip.detection.activation import choose_activation
from rateval_clip.detection.candidates import Base, Candidate, candidate_of
from rateval_clip.detection.told import tell
from rateval_clip.params import QUICKSTART, checkpoint_path
from rateval_clip.tags import cached_weights


def named_base(clues: Clues, candidates: Sequence[Candidate]) -> Base:
    """Return the base that somebody named. Raises RatevalError when it is not on this computer."""
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
    chosen, _, _ = choose_activation(other, Clues(file=path), candidates)
    return Base(chosen, as_path(path), str(path))


def as_path(file: Path | None) -> str:
    """Return a file as the param ``pretrained`` takes it.

    >>> as_path(Path("mine.pt")), as_path(Path("mine"))
    ('mine.pt', './mine')
    """
    text = str(file)
    return text if checkpoint_path(text) is not None else f"./{text}"
