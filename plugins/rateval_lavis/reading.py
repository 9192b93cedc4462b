"""Read the tensors of a checkpoint without running any code in it."""

from __future__ import annotations

import pickle
import re
import warnings
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from rateval.api import RatevalError

_FORMATS = "a safetensors file, or a torch file that holds nothing but tensors and plain values"


def read_state_dict(path: Path) -> dict[str, torch.Tensor]:
    """Read the tensors of a checkpoint onto the CPU, by their names.

    Unpacks the ``{"model": {...}}`` of official and LAVIS' own files. The format is told from the
    content, not from the file's name. Raises RatevalError when the file is no checkpoint, is
    damaged or cut short, or is a pickle with code in it, which is never executed.
    """
    try:
        with path.open("rb") as file:
            head = file.read(9)
    except OSError as error:
        raise RatevalError(f"{path}: cannot be read: {error.strerror or error}") from error
    # A safetensors file is the length of its JSON header, eight bytes, and that header.
    content = _read_safetensors(path) if head[8:] == b"{" else _read_torch(path)
    if isinstance(content, Mapping) and isinstance(content.get("model"), Mapping):
        content = content["model"]
    if not isinstance(content, Mapping) or not content:
        raise RatevalError(f"{path}: holds no state dict (names of weights with their tensors)")
    state: dict[str, torch.Tensor] = {}
    for key, value in content.items():
        if not isinstance(key, str) or not isinstance(value, torch.Tensor):
            raise RatevalError(
                f"{path}: holds no state dict: the entry {key!r} is a {type(value).__name__}, not "
                "a tensor"
            )
        state[key] = value
    return state


def _read_safetensors(path: Path) -> object:
    try:
        return load_file(path)
    except SafetensorError as error:
        raise RatevalError(
            f"{path}: the safetensors file is damaged or cut short ({error}); copy it again"
        ) from error


def _read_torch(path: Path) -> object:
    try:
        with warnings.catch_warnings():
            # Of a TorchScript archive, or of a pickle protocol that torch does not write.
            warnings.simplefilter("ignore", UserWarning)
            return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        named = re.search(r"GLOBAL ([\w.]+)", str(error))
        what = f"it names {named[1]}" if named else "it is no torch file"
        raise RatevalError(
            f"{path}: refused, and nothing in it was executed: {what}, and a pickle with more than "
            f"tensors can run any code when it is opened. Give {_FORMATS}; save its entry `model` "
            "alone where you trust the file"
        ) from error
    except Exception as error:  # a damaged file makes torch stumble in any of many ways
        raise RatevalError(
            f"{path}: not a readable torch file, perhaps damaged or cut short; copy it again, or "
            f"give {_FORMATS}"
        ) from error
