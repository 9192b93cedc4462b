"""Where a checkpoint comes from, as far as it tells, and what it was trained with."""

from __future__ import annotations

import functools
import zipfile
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import open_clip

from rateval.api import RatevalError
from rateval.modelkit import digest_of, names_in_archive
from rateval_clip.files import CONFIG_NAME, WEIGHT_NAMES
from rateval_clip.options import read_config

_OPENAI_TENSORS = ("input_resolution", "context_length", "vocab_size")
# No file of which that table gives a digest is larger.
_LARGEST = 2 << 30
PREPARATION = ("mean", "std", "interpolation", "resize_mode")


@dataclass(frozen=True, slots=True)
class Origin:
    """What is known of the training behind a checkpoint's file."""

    why: str
    """What tells it, in words."""
    quick_gelu: bool
    """Whether its activation was QuickGELU, not GELU."""
    preparation: Mapping[str, Any]
    """What images were prepared by, as far as it is known; its keys are ``PREPARATION``."""


def find_origin(path: Path, keys: Collection[str] | None = None) -> Origin | None:
    """Find out where the file of weights at ``path`` comes from, which holds ``keys``.

    Without them, what a zip archive says of its tensors without being read stands for them.

    It is known by tensors that only OpenAI's archives hold, by the digest in open_clip's table, by
    its folder, named as a repository of that table is, by the open_clip config beside it, or by its
    file name, where the table gives no digest. None when nothing tells.
    """
    if keys is None:
        keys = _peek(path)
    if all(key in keys for key in _OPENAI_TENSORS):
        why = f"it holds {', '.join(_OPENAI_TENSORS)}, as OpenAI's archives do"
        return _of(open_clip.get_pretrained_cfg("ViT-B-32", "openai"), why)
    return _by_digest(path) or _by_folder(path) or _by_config(path) or _by_name(path)


def _peek(path: Path) -> list[str]:
    if not zipfile.is_zipfile(path):
        return []
    pickled = [name for name in names_in_archive(path) if name.endswith("/data.pkl")]
    with zipfile.ZipFile(path) as archive:
        content = b"".join(archive.read(name) for name in pickled)
    return [name for name in _OPENAI_TENSORS if name.encode() in content]


def _by_digest(path: Path) -> Origin | None:
    if not path.is_file():
        return None
    stat = path.stat()
    return _known_file(path, stat.st_size, stat.st_mtime_ns)


@functools.lru_cache
def _known_file(path: Path, size: int, modified: int) -> Origin | None:
    if size > _LARGEST:
        return None
    found = digest_of(path)
    for tag, entry, digest in _files():
        if digest and found.startswith(digest):
            return _of(entry, f"its digest is that of {tag} in open_clip's table")
    return None


def _by_folder(path: Path) -> Origin | None:
    parts = path.absolute().parts
    # A folder may be called like an architecture; then the file is called as in a repository, too.
    parent = path.parent.name if path.name in WEIGHT_NAMES else ""
    for tag, entry in _entries():
        repository = str(entry["hf_hub"]).rpartition("/")[0]
        cached = f"models--{repository.replace('/', '--')}"
        if repository and (cached in parts or parent == repository.rpartition("/")[2]):
            return _of(entry, f"its folder is that of {repository}, {tag} in open_clip's table")
    return None


def _by_config(path: Path) -> Origin | None:
    config = path.parent / CONFIG_NAME
    if not config.is_file():
        return None
    try:
        model, preparation = read_config(config)
    except RatevalError:
        return None  # a file that nobody asked for
    if not isinstance(model, dict) or "vision_cfg" not in model:
        return None
    told = {"quick_gelu": model.get("quick_gelu") is True} | preparation
    return _of(told, f"{CONFIG_NAME} beside it says so")


def _by_name(path: Path) -> Origin | None:
    for tag, entry, digest in _files():
        if not digest and path.name == str(entry["url"]).rpartition("/")[2]:
            return _of(entry, f"its name is that of {tag} in open_clip's table")
    return None


def _of(entry: Mapping[str, Any], why: str) -> Origin:
    preparation = {key: entry[key] for key in PREPARATION if entry.get(key) is not None}
    return Origin(why, bool(entry.get("quick_gelu")), preparation)


def _entries() -> Iterator[tuple[str, Mapping[str, Any]]]:
    for name, tag in open_clip.list_pretrained():
        yield f"{name} {tag}", open_clip.get_pretrained_cfg(name, tag)


def _files() -> Iterator[tuple[str, Mapping[str, Any], str]]:
    """Yield every file in open_clip's table with its digest, or the digest's beginning, or none."""
    for tag, entry in _entries():
        url = str(entry["url"])
        file = url.rpartition("/")[2]
        if "openaipublic" in url:
            yield tag, entry, url.split("/")[-2]
        elif "mlfoundations" in url:
            yield tag, entry, file.rpartition(".")[0].rpartition("-")[2]
        elif url:
            yield tag, entry, ""
