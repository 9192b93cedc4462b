"""Datasets of the library ``datasets``, from this computer's disk and without its network."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import datasets
import huggingface_hub.constants

from rateval_datasets.own.hf_datasets.params import HuggingFaceParams
from rateval_datasets.own.problems import problem

NAME = "huggingface"
_ONLY = ""
"""Name of the split of a dataset that has none."""
_SAVED = ("dataset_dict.json", "state.json")
"""What save_to_disk leaves, of several splits and of one."""


def load(params: HuggingFaceParams) -> Mapping[str, Any]:
    """Return name of a split to its datasets.Dataset, "" where there is but one without a name.

    Raises RatevalError when there is nothing that the library can read.
    """
    with _offline():
        try:
            found = _load(params)
        except Exception as error:  # whatever the library raises
            text = " ".join(str(error).split())
            where = f"root = {params.root}" if params.root else f'cached = "{params.cached}"'
            advice = (
                "give the folder that save_to_disk wrote, or one of Parquet files or photos"
                if params.root
                else "load it once with datasets.load_dataset while there is a network"
            )
            raise problem(
                NAME, f"{where}: cannot be loaded: {type(error).__name__}: {text:.300}; {advice}"
            ) from error
    return found if isinstance(found, dict) else {_ONLY: found}


def _load(params: HuggingFaceParams) -> Any:
    cache = None if params.cache is None else str(params.cache)
    if params.root is None:
        return datasets.load_dataset(_require_name(params), params.config, cache_dir=cache)
    root = params.root.absolute()
    if any((root / name).is_file() for name in _SAVED):
        return datasets.load_from_disk(str(root))
    return datasets.load_dataset(_builder(root), data_dir=str(root), cache_dir=cache)


def _require_name(params: HuggingFaceParams) -> str:
    """Return the name of a cached dataset: neither a path nor one of the library's own readers.

    With such a name it would read the working folder.
    """
    name = str(params.cached)
    if not re.fullmatch(r"[\w.-]+/[\w.-]+", name) or name.startswith(".") or Path(name).exists():
        raise ValueError("must be written as owner/dataset; give a folder as root")
    return name


def _builder(root: Path) -> str:
    """Return which of the library's own readers a folder is for; none runs code from there."""
    for ending in ("parquet", "arrow"):
        if next(root.rglob(f"*.{ending}"), None) is not None:
            return ending
    return "imagefolder"


def require_folder(params: HuggingFaceParams) -> None:
    """Require that root is a folder with something in it. Raises RatevalError."""
    root = params.root
    if root is None:
        return
    if not root.is_dir():
        what = "is a file; give its folder" if root.is_file() else "no such folder"
        raise problem(NAME, f"root = {root}: {what}")
    if next(root.iterdir(), None) is None:
        raise problem(NAME, f"root = {root}: is empty")


@contextmanager
def _offline() -> Iterator[None]:
    """Keep the library from the network, and from drawing bars and logging what is raised, too."""
    places = [
        (datasets.config, "HF_HUB_OFFLINE"),
        (datasets.config, "HF_DATASETS_OFFLINE"),
        (huggingface_hub.constants, "HF_HUB_OFFLINE"),
    ]
    before = [getattr(module, key) for module, key in places]
    silent = datasets.are_progress_bars_disabled()
    loudness = datasets.logging.get_verbosity()
    datasets.disable_progress_bars()
    datasets.logging.set_verbosity(logging.CRITICAL)
    for module, key in places:
        setattr(module, key, True)
    try:
        yield
    finally:
        for (module, key), value in zip(places, before, strict=True):
            setattr(module, key, value)
        datasets.logging.set_verbosity(loudness)
        if not silent:
            datasets.enable_progress_bars()
