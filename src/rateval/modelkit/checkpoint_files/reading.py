"""Tensors of a checkpoint's file, read without running any code in it."""

from __future__ import annotations

import pickle
import re
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from rateval.errors import RatevalError
from rateval.json_file import require_regular
from rateval.modelkit.checkpoint_files.archives import names_in_archive
from rateval.modelkit.checkpoint_files.tensors import require_plain_tensor
from rateval.modelkit.checkpoint_files.torchscript import read_archive
from rateval.wording import list_some

_FORMATS = (
    "a safetensors file, a torch file of nothing but tensors and plain values, or a TorchScript "
    "archive such as OpenAI's"
)
# What torch makes of tensors that are no plain numbers, in archives that it does not read here.
_NO_NUMBERS = {
    "torch._utils._rebuild_qtensor": "quantised",
    "torch._utils._rebuild_sparse_tensor": "sparse",
    "torch._utils._rebuild_sparse_csr_tensor": "sparse",
    "torch._utils._rebuild_nested_tensor": "nested",
}


def read_state_dict(
    path: Path, wrappers: Sequence[str] = ("model", "state_dict")
) -> dict[str, torch.Tensor]:
    """Read the tensors of a checkpoint onto the CPU, by their names.

    Unpacks the first of ``wrappers`` that is an entry with a state dict in it, as in the
    ``{"model": {...}}`` of a training checkpoint, and strips ``module.`` where every key has it.
    The format is recognised by the content, not by the file's name: safetensors, torch's own, old
    and new, and TorchScript archives, whose program is not run. Raises RatevalError when the file
    is no checkpoint, is damaged, cut short, encrypted or a bomb, holds a pickle with anything but
    tensors and plain values, which is never executed, or tensors that are no plain numbers.
    """
    state = only_tensors(_unwrap(read_content(path), wrappers), path)
    if all(key.startswith("module.") for key in state):
        state = {key.removeprefix("module."): value for key, value in state.items()}
    return state


def read_content(path: Path) -> object:
    """Return what a checkpoint's file holds, tensors on the CPU, as it was saved.

    Raises what ``read_state_dict`` raises, but for what is no state dict.
    """
    try:
        return _READERS[_format_of(path)](path)
    except OSError as error:
        raise RatevalError(f"{path}: cannot be read: {error.strerror or error}") from error


def _format_of(path: Path) -> str:
    require_regular(path)
    with path.open("rb") as file:
        head = file.read(9)
    if head[:2] == b"PK":
        return "zip"
    # A safetensors file is the length of its JSON header, eight bytes, and that header.
    if head[8:] == b"{":
        return "safetensors"
    # Torch's format before 1.6 is a row of pickles of protocol 2 or later.
    if head[:1] == b"\x80" and head[1:2] in {b"\x02", b"\x03", b"\x04", b"\x05"}:
        return "pickle"
    raise RatevalError(f"{path}: not a checkpoint; give {_FORMATS}")


def _read_safetensors(path: Path) -> object:
    try:
        return load_file(path)
    except SafetensorError as error:
        raise RatevalError(
            f"{path}: the safetensors file is damaged or cut short ({error}); copy it again"
        ) from error
    except (AttributeError, KeyError, NotImplementedError) as error:
        # safetensors knows kinds of numbers that an older torch does not.
        raise RatevalError(
            f"{path}: holds a kind of numbers that this torch does not know ({error}); save the "
            "weights as float32"
        ) from error


def _read_zip(path: Path) -> object:
    names = names_in_archive(path)
    if any(name.endswith("/constants.pkl") for name in names):
        return _read_safely(path, read_archive)
    if not any(name.endswith("data.pkl") for name in names):
        raise RatevalError(f"{path}: a zip archive, but not a torch checkpoint; give {_FORMATS}")
    return _read_torch(path)


def _read_torch(path: Path) -> object:
    return _read_safely(path, _load_tensors)


def _load_tensors(path: Path) -> object:
    # By its path, torch would go by the suffix.
    with path.open("rb") as file, warnings.catch_warnings():
        # Of a pickle protocol that torch does not write; what it then cannot read, it refuses.
        warnings.simplefilter("ignore", UserWarning)
        return torch.load(file, map_location="cpu", weights_only=True)


def _read_safely(path: Path, read: Callable[[Path], object]) -> object:
    try:
        return read(path)
    except pickle.UnpicklingError as error:
        named = re.search(r"GLOBAL ([\w.]+)", str(error))
        if named and named[1] in _NO_NUMBERS:
            raise RatevalError(
                f"{path}: holds {_NO_NUMBERS[named[1]]} tensors; give a file with their numbers"
            ) from error
        what = f"it names {named[1]}" if named else "it is no torch file"
        raise RatevalError(
            f"{path}: refused, and nothing in it was executed: {what}, and a pickle with more than "
            f"tensors can run any code when it is opened. Give {_FORMATS}; save the state dict "
            "alone where you trust the file, as by torch.save(torch.load("
            f'"{path.name}", weights_only=False)["state_dict"], "weights.pt")'
        ) from error
    except Exception as error:  # a damaged file makes torch stumble in any of many ways
        raise RatevalError(
            f"{path}: not a readable torch file, perhaps damaged or cut short; copy it "
            f"again, or give {_FORMATS}"
        ) from error


_READERS = {"safetensors": _read_safetensors, "zip": _read_zip, "pickle": _read_torch}


def _unwrap(content: object, wrappers: Sequence[str]) -> object:
    if isinstance(content, Mapping):
        for wrapper in wrappers:
            if isinstance(content.get(wrapper), Mapping):
                return content[wrapper]
    return content


def only_tensors(content: object, path: Path) -> dict[str, torch.Tensor]:
    """Return ``content`` as a state dict.

    Raises RatevalError when it is none, or holds tensors that are no plain numbers.
    """
    if not isinstance(content, Mapping) or not content:
        raise RatevalError(
            f"{path}: holds no state dict (names of weights with their tensors); a TorchScript "
            "archive must not be frozen, which makes its weights part of its program"
        )
    state: dict[str, torch.Tensor] = {}
    for key, value in content.items():
        if not isinstance(key, str) or not isinstance(value, torch.Tensor):
            raise RatevalError(
                f"{path}: holds no state dict: the entry {key!r} is a {type(value).__name__}, not "
                "a tensor; its keys are " + list_some(str(name) for name in content)
            )
        require_plain_tensor(key, value, path)
        state[key] = value
    return state
