"""open_clip's names: architectures and pretrained tags. The network is never touched."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import huggingface_hub
import open_clip
from open_clip.constants import HF_SAFE_WEIGHTS_NAME, HF_WEIGHTS_NAME

from rateval.api import RatevalError
from rateval.modelkit import suggest


def named_config(name: str) -> dict[str, Any]:
    """Return open_clip's config of an architecture.

    Raises RatevalError when open_clip knows no such name.
    """
    known = open_clip.list_models()
    if name not in known:
        raise RatevalError(
            f"architecture = {name!r}: open_clip {open_clip.__version__} knows no such name; "
            f"{suggest(name, known)}"
        )
    config: dict[str, Any] = open_clip.get_model_config(name)
    return config


def tag_config(architecture: str, tag: str) -> dict[str, Any]:
    """Return what open_clip knows of a tag: where its file is, mean, std, resize mode.

    Raises RatevalError when the architecture has no such tag, or needs another activation for it.
    """
    config = named_config(architecture)
    entry: dict[str, Any] = open_clip.get_pretrained_cfg(architecture, tag)
    if not entry:
        known = [tag for name, tag in open_clip.list_pretrained() if name == architecture]
        raise RatevalError(
            f"pretrained = {tag!r}: {architecture} has no such tag; {suggest(tag, known)} "
            "(a path to a checkpoint has a slash or ends in .safetensors, .bin or .pt)"
        )
    if bool(entry.get("quick_gelu")) != bool(config.get("quick_gelu")):
        other = (
            architecture.removesuffix("-quickgelu")
            if config.get("quick_gelu")
            else f"{architecture}-quickgelu"
        )
        raise RatevalError(
            f"pretrained = {tag!r}: these weights were trained with another activation than that "
            f"of {architecture}, which would change every result; use architecture = {other!r}"
        )
    return entry


def cached_weights(architecture: str, tag: str) -> Path:
    """Find a tag's checkpoint in the user's cache.

    Raises RatevalError when it isn't there, saying what to fetch.
    """
    entry = tag_config(architecture, tag)
    repository, _, file = str(entry.get("hf_hub", "")).rpartition("/")
    # open_clip prefers the safetensors file beside the one its table names.
    file = file or HF_WEIGHTS_NAME
    safe = HF_SAFE_WEIGHTS_NAME if file == HF_WEIGHTS_NAME else f"{Path(file).stem}.safetensors"
    if repository:
        for name in (safe, file):
            path = huggingface_hub.try_to_load_from_cache(repository, name)
            if isinstance(path, str):
                return Path(path)
    url = str(entry.get("url", ""))
    downloaded = Path.home() / ".cache" / "clip" / url.rpartition("/")[2]
    if url and downloaded.is_file():
        return downloaded
    where = f"{safe} or {file} of huggingface.co/{repository}" if repository else url
    raise RatevalError(
        f"pretrained = {tag!r}: the weights of {architecture} are not in your cache, and rateval "
        f"downloads nothing in a run; fetch {where} and set pretrained to the path of that file"
    )


def usual_preprocessing(architecture: str) -> dict[str, Any]:
    """Return what all tags of an architecture agree on of mean, std, interpolation, resize mode.

    A file given by its path doesn't say them; those of SigLIP, for one, are not open_clip's
    defaults. What the tags don't agree on is left out.

    >>> usual_preprocessing("ViT-B-16-SigLIP")["mean"]
    (0.5, 0.5, 0.5)
    """
    entries = [
        open_clip.get_pretrained_cfg(architecture, tag)
        for name, tag in open_clip.list_pretrained()
        if name == architecture
    ]
    agreed = {}
    for key in ("mean", "std", "interpolation", "resize_mode"):
        values = {entry.get(key) for entry in entries}
        if len(values) == 1 and None not in values:
            agreed[key] = values.pop()
    return agreed
