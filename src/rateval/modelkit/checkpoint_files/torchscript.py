"""The weights in a TorchScript archive, such as OpenAI's, read without running its program.

``torch.jit.load`` would compile the archive's code, run the ``__setstate__`` of its classes and
trust its operators with files. Here the archive is only a zip: ``data.pkl`` holds the tree of
modules, which names the weights, and ``data/N`` the numbers. The pickle is read by an unpickler
that knows tensors, plain containers and, for the archive's own classes, an inert bag of attributes;
any other name in it is refused, so that nothing can be called.
"""

from __future__ import annotations

import pickle
import zipfile
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

_DTYPES = {
    "DoubleStorage": torch.float64,
    "FloatStorage": torch.float32,
    "HalfStorage": torch.float16,
    "BFloat16Storage": torch.bfloat16,
    "LongStorage": torch.int64,
    "IntStorage": torch.int32,
    "ShortStorage": torch.int16,
    "CharStorage": torch.int8,
    "ByteStorage": torch.uint8,
    "BoolStorage": torch.bool,
}
_MOST_MODULES = 100_000


class _Bag:
    """The attributes of a module of the archive; its class's code stays in the archive."""

    def __init__(self, *_: object) -> None:
        self.attributes: dict[str, object] = {}

    def __setstate__(self, state: object) -> None:
        if isinstance(state, dict):
            self.attributes = state


def read_archive(path: Path) -> dict[str, torch.Tensor]:
    """Return every tensor of the archive's module by its dotted name, as ``state_dict`` would.

    Raises ``pickle.UnpicklingError`` when the archive names anything but tensors, containers and
    its own classes, and ``zipfile.BadZipFile``, KeyError or RuntimeError when it is damaged.
    """
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        root = next(name for name in names if name.endswith("/constants.pkl"))
        root = root.removesuffix("constants.pkl")
        with archive.open(f"{root}data.pkl") as file:
            module = _Unpickler(file, archive, f"{root}data/").load()
        if not isinstance(module, _Bag):
            raise pickle.UnpicklingError("the archive holds no module")
        return dict(_tensors(module))


def _tensors(root: _Bag) -> Iterator[tuple[str, torch.Tensor]]:
    waiting = [("", root)]
    for _ in range(_MOST_MODULES):
        if not waiting:
            return
        prefix, module = waiting.pop()
        inner = []
        for name, value in module.attributes.items():
            if isinstance(value, torch.Tensor):
                yield f"{prefix}{name}", value
            elif isinstance(value, _Bag):
                inner.append((f"{prefix}{name}.", value))
        waiting += reversed(inner)
    # A module that is its own part, or the part of many, each of which is part of many.
    raise RuntimeError(f"a tree of more than {_MOST_MODULES} modules")


class _Unpickler(pickle.Unpickler):
    def __init__(self, file: Any, archive: zipfile.ZipFile, folder: str) -> None:
        super().__init__(file)
        self._archive, self._folder = archive, folder
        self._storages: dict[str, torch.Tensor] = {}

    def find_class(self, module: str, name: str) -> Any:
        if module.partition(".")[0] == "__torch__":
            return _Bag
        known: dict[tuple[str, str], object] = {
            ("torch._utils", "_rebuild_tensor_v2"): _rebuild_tensor,
            ("torch._utils", "_rebuild_parameter"): lambda data, *_: data,
            ("torch.jit._pickle", "restore_type_tag"): lambda value, _: value,
            ("collections", "OrderedDict"): OrderedDict,
        }
        for kind in ("int", "double", "bool", "tensor"):
            known["torch.jit._pickle", f"build_{kind}list"] = list
        if module == "torch" and name in _DTYPES:
            return _DTYPES[name]
        if (module, name) not in known:
            raise pickle.UnpicklingError(f"GLOBAL {module}.{name} is no part of a weights' archive")
        return known[module, name]

    def persistent_load(self, pid: Any) -> torch.Tensor:
        _, dtype, key, _, count = pid
        if key not in self._storages:
            content = bytearray(self._archive.read(f"{self._folder}{key}"))
            storage = torch.frombuffer(content, dtype=dtype) if count else torch.empty(0).to(dtype)
            if storage.numel() < count:
                raise RuntimeError(f"storage {key} is cut short")
            self._storages[key] = storage
        return self._storages[key]


def _rebuild_tensor(
    storage: torch.Tensor, offset: int, size: tuple[int, ...], stride: tuple[int, ...], *_: object
) -> torch.Tensor:
    return torch.as_strided(storage, tuple(size), tuple(stride), offset)
