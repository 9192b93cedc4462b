"""The files of a model that was fine-tuned elsewhere, and a digest of them, without torch."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from rateval.api import RatevalError
from rateval.modelkit import digest_files, is_index, locate_shards, weight_files

if TYPE_CHECKING:
    from rateval_finetune.params import CheckpointParams

HEAD_FILE = "head.safetensors"
ADAPTER_CONFIG = "adapter_config.json"
_SUFFIXES = (".safetensors", ".pt", ".pth", ".bin", ".ckpt")


def locate(params: CheckpointParams) -> tuple[Path, Path | None]:
    """Return the file with the weights, and the one with the head if it has one of its own.

    Raises RatevalError when there is no such file, or several could be meant.
    """
    path = params.path.expanduser()
    if not path.exists():
        raise RatevalError(
            f"checkpoint: path = {path}: there is no such file or folder; give the weights' file, "
            "or the folder that rateval export-checkpoint wrote"
        )
    head = None if params.head is None else params.head.expanduser()
    if head is not None and not head.is_file():
        raise RatevalError(
            f"checkpoint: head = {head}: there is no such file; give the head's file"
        )
    if path.is_file():
        return path, head
    weights = _weights_in(path, head)
    if len(weights) != 1:
        named = ", ".join(file.name for file in weights) or "none"
        raise RatevalError(
            f"checkpoint: path = {path}: the folder must hold one file of weights "
            f"({', '.join(_SUFFIXES)}), but holds {named}; give the file itself"
        )
    if head is None and (path / HEAD_FILE).is_file():
        head = path / HEAD_FILE
    return weights[0], head


def _weights_in(folder: Path, head: Path | None) -> list[Path]:
    files = [
        file
        for file in sorted(folder.iterdir())
        if (file.suffix in _SUFFIXES or is_index(file))
        and file.name != HEAD_FILE
        and not (head is not None and file.samefile(head))
    ]
    if (folder / ADAPTER_CONFIG).is_file():
        return [file for file in files if is_adapter(file)]
    shards = {shard for file in files if is_index(file) for shard in locate_shards(file)}
    return [file for file in files if file not in shards]


def is_adapter(weights: Path) -> bool:
    """Return whether a file holds what an adapter of peft adds to weights, by its name.

    >>> is_adapter(Path("adapter_model.safetensors")), is_adapter(Path("model.safetensors"))
    (True, False)
    """
    return weights.stem == "adapter_model"


def digest(params: CheckpointParams) -> str:
    """Return a digest of the files' bytes."""
    weights, head = locate(params)
    config = weights.parent / ADAPTER_CONFIG if is_adapter(weights) else None
    return digest_files(weight_files(weights) | {"adapter": config, "head": head})
