"""Weights, and the files that belong to them, written so that upstream libraries read them."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

import torch
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
    format that transformers looks for.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # Tensors that share numbers, or skip some, are none that safetensors writes.
    owned = {name: _on_cpu(tensor).clone() for name, tensor in state.items()}
    save_file(owned, path, metadata={"format": "pt", **(metadata or {})})
    return path


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
