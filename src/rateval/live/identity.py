"""Digests of what is live: a model with its weights and code, images with their labels.

Where one changes, what was stored for it isn't reused; device and process change none.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Iterable, Sequence
from os import PathLike
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any

import numpy as np
import torch
from PIL import Image

from rateval.api.protocols import Model
from rateval.live.pictures import as_array

_SIMPLE = (bool, int, float, str, type(None))


def fresh() -> str:
    """Return the identity of what nothing but reading all of it could name: it is never reused."""
    return f"read once {secrets.token_hex(8)}"


def digest_images(images: Sequence[Any], labels: Sequence[int], masks: Sequence[Any] | None) -> str:
    """Return a name of images with labels and masks.

    Of arrays and PIL images the pixels count; of files their path, size and time of change.
    """
    digest = hashlib.sha256(repr(list(labels)).encode())
    for values in (images, masks or ()):
        digest.update(f"{len(values)}".encode())
        for value in values:
            digest.update(_name_picture(value))
    return f"given count={len(labels)} content={digest.hexdigest()[:32]}"


def _name_picture(value: Any) -> bytes:
    if value is None:
        return b"none"
    if isinstance(value, str | PathLike):
        status = Path(value).stat()
        path = str(Path(value).resolve())
        return f"{path!a} {status.st_size} {status.st_mtime_ns}".encode()
    head = f"{value.mode} " if isinstance(value, Image.Image) else ""
    array = np.asarray(value) if isinstance(value, Image.Image) else as_array(value)
    assert array is not None
    content = hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()
    return f"{head}{array.shape} {array.dtype} {content}".encode()


def digest_model(model: Model, classes: Sequence[str]) -> str:
    """Return a digest of a model: its module, how it prepares images, and what it reads of classes.

    Preparation is what it does to two images and masks of noise, the text side what its tokenizer
    makes of the classes' prompts.
    """
    digest = hashlib.sha256(digest_module(model.module).encode())
    for part in _describe_class(type(model)):
        digest.update(part)
    for part in _describe_state(model):
        digest.update(part)
    noise = np.random.default_rng(0).integers(0, 256, (97, 131, 3), dtype=np.uint8)
    for pixels in (noise, np.ascontiguousarray(noise.transpose(1, 0, 2))):
        prepared = model.preprocess(Image.fromarray(pixels))
        mask = model.preprocess_mask(pixels[..., 0] > 127)
        digest.update(_bytes_of(prepared) + _bytes_of(mask))
    prompts = [text for texts in model.prompts(classes) for text in texts]
    digest.update(repr(prompts).encode("utf-8", "surrogatepass"))
    tokenizer = getattr(model, "tokenizer", None)
    if callable(tokenizer):
        digest.update(repr(_as_lists(tokenizer(prompts))).encode())
    return digest.hexdigest()


def digest_module(module: torch.nn.Module) -> str:
    """Return a digest of a module: its classes with their code, its options and its tensors.

    >>> layer = torch.nn.Linear(2, 2)
    >>> before = digest_module(layer)
    >>> with torch.no_grad():
    ...     _ = layer.weight[0, 0].add_(1)
    >>> digest_module(layer) == before
    False
    """
    digest = hashlib.sha256()
    classes: dict[type, None] = {}
    for name, part in module.named_modules():
        classes[type(part)] = None
        digest.update(f"{name} {type(part).__module__}.{type(part).__qualname__}".encode())
        for text in _describe_state(part):
            digest.update(text)
    for cls in classes:
        for text in _describe_class(cls):
            digest.update(text)
    tensors = (*module.named_parameters(), *module.named_buffers())
    for name, tensor in tensors:
        digest.update(f"{name} {tuple(tensor.shape)} {tensor.dtype}".encode())
        digest.update(_bytes_of(tensor))
    return digest.hexdigest()


def digest_function(function: Callable[..., Any]) -> str:
    """Return a digest of a function's code, or of the class of another callable.

    >>> digest_function(lambda x: x + 1) == digest_function(lambda x: x + 2)
    False
    """
    code = getattr(function, "__code__", None)
    if isinstance(code, CodeType):
        return hashlib.sha256(b"".join(_describe_code(code))).hexdigest()
    return hashlib.sha256(b"".join(_describe_class(type(function)))).hexdigest()


def _describe_state(part: object) -> Iterable[bytes]:
    """Yield the plain options of an object, such as the number of heads."""
    for name, value in sorted(vars(part).items() if hasattr(part, "__dict__") else ()):
        if name == "training" or name.startswith("__"):
            continue
        if isinstance(value, _SIMPLE) or _is_plain(value):
            yield f"{name}={value!r}".encode("utf-8", "backslashreplace")
        elif isinstance(value, FunctionType):
            yield f"{name}={digest_function(value)}".encode()


def _is_plain(value: object) -> bool:
    return isinstance(value, tuple | list) and all(isinstance(one, _SIMPLE) for one in value)


def _describe_class(cls: type) -> Iterable[bytes]:
    yield f"{cls.__module__}.{cls.__qualname__}".encode()
    for name, member in sorted(vars(cls).items()):
        code = getattr(member, "__code__", None)
        if isinstance(code, CodeType):
            yield name.encode()
            yield from _describe_code(code)


def _describe_code(code: CodeType) -> Iterable[bytes]:
    yield code.co_code
    yield repr(code.co_names).encode("utf-8", "backslashreplace")
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _describe_code(constant)
        elif isinstance(constant, (*_SIMPLE, bytes, tuple)):
            yield repr(constant).encode("utf-8", "backslashreplace")


def _bytes_of(tensor: torch.Tensor) -> bytes:
    flat = tensor.detach().cpu().contiguous().reshape(-1)
    return hashlib.sha256(flat.view(torch.uint8).numpy().data).digest()


def _as_lists(ids: Any) -> Any:
    return ids.tolist() if hasattr(ids, "tolist") else str(ids)
