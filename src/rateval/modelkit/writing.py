"""Weights, and the files that belong to them, written so that upstream libraries read them."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import save_file

_TOKENIZER_FILES = (
    "added_tokens.json",
    "merges.txt",
    "sentencepiece.bpe.model",
    "special_tokens_map.json",
    "spiece.model",
    "tokenizer.json",
    "tokenizer.model",
    "tokenizer_config.json",
    "vocab.json",
    "vocab.txt",
)
_WITH_MOMENTUM = ("visual_encoder", "text_encoder", "vision_proj", "text_proj")


def write_safetensors(
    state: Mapping[str, torch.Tensor], path: Path, metadata: Mapping[str, str] | None = None
) -> Path:
    """Write tensors by their names, each with numbers of its own, and return ``path``.

    Makes the folder where it is not there. ``metadata`` stands in the file's header, beside the
    format that transformers looks for. The same tensors and metadata are the same bytes. Raises
    OSError when the file cannot be written.
    """
    return write_copies(copy_tensors(state), path, metadata)


def copy_tensors(state: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Copy tensors to the CPU as safetensors writes them: contiguous, and sharing no numbers."""
    return {name: _copy(tensor) for name, tensor in state.items()}


def _copy(tensor: torch.Tensor) -> torch.Tensor:
    moved = _on_cpu(tensor)
    there = moved.untyped_storage().data_ptr() != tensor.untyped_storage().data_ptr()
    return moved if there else moved.clone()


def write_copies(
    owned: Mapping[str, torch.Tensor], path: Path, metadata: Mapping[str, str] | None = None
) -> Path:
    """Write what ``copy_tensors`` returned, as ``write_safetensors`` does."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        save_file(dict(owned), path, metadata={"format": "pt", **(metadata or {})})
    except SafetensorError as error:
        raise _find_cause(error, path) from error
    _order_metadata(path)
    path.chmod(0o644)  # safetensors keeps its files to their owner
    return path


def _find_cause(error: SafetensorError, path: Path) -> Exception:
    # The library says in its text alone what the system refused.
    code = re.search(r"\(os error (\d+)\)", str(error))
    return error if code is None else OSError(int(code[1]), os.strerror(int(code[1])), str(path))


def _order_metadata(path: Path) -> None:
    # The library writes them in an order that differs from one time to the next.
    with path.open("r+b") as file:
        size = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(size))
        header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
        text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
        if len(text) > size:
            raise ValueError(f"{path}: its header has no room for its metadata in order")
        file.seek(8)
        file.write(text.ljust(size))


def write_salesforce_checkpoint(state: Mapping[str, torch.Tensor], path: Path) -> Path:
    """Write a dual encoder as ALBEF, BLIP and LAVIS read their checkpoints, and return ``path``.

    It is torch's own format with ``{"model": {...}}`` of nothing but tensors. The loaders there
    resize the position embedding of the momentum encoder, too, and fail without one; so each
    encoder is also its own momentum copy, which is what they start training from. Both share their
    numbers, which the file holds once.

    Source: Retrieval.py of github.com/salesforce/ALBEF, models/blip.py of
    github.com/salesforce/BLIP.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    owned = {name: _on_cpu(tensor) for name, tensor in state.items()}
    copies = {
        f"{part}_m.{rest}": tensor
        for name, tensor in owned.items()
        for part, _, rest in [name.partition(".")]
        if part in _WITH_MOMENTUM
    }
    torch.save({"model": owned | copies}, path)
    return path


def copy_tokenizer(source: Path, folder: Path) -> tuple[Path, ...]:
    """Copy the files of a Hugging Face tokenizer that are in ``source``; return the copies.

    >>> copy_tokenizer(Path("nowhere"), Path("folder"))
    ()
    """
    present = [name for name in _TOKENIZER_FILES if (source / name).is_file()]
    return tuple(copy_file(source / name, folder / name) for name in present)


def copy_file(source: Path, path: Path) -> Path:
    """Copy a file's content to ``path``, whose folder is made where it is not there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not (path.exists() and path.samefile(source)):
        shutil.copyfile(source, path)
    return path


def _on_cpu(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.detach().cpu().contiguous()
