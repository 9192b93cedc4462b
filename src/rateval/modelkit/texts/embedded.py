"""Embeddings of prompts that copies of one model have in common, made by the first that asks."""

from __future__ import annotations

import copy
import weakref
from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from itertools import chain
from types import MappingProxyType
from typing import Any

import torch

from rateval.api.protocols import Model

_NAME = "_rateval_texts"


class _Texts:
    """What was embedded so far, by a model or copies of it whose text tower is still the same.

    Copies of the model have the same one of these; what travels to another process begins anew.
    """

    def __init__(self, model: Model | None = None) -> None:
        self._module = None if model is None else weakref.ref(model.module)
        self.parts = () if model is None else _describe_outside(model)
        """What the model consists of besides its image tower."""
        self.embedded: dict[Hashable, torch.Tensor] = {}

    @property
    def module(self) -> torch.nn.Module | None:
        """The module of the model that nobody trains, as long as it is there."""
        return None if self._module is None else self._module()

    def __deepcopy__(self, memo: dict[int, Any]) -> _Texts:
        return self

    def __reduce__(self) -> tuple[type[_Texts], tuple[()]]:
        return _Texts, ()


def copy_sharing_texts(
    model: Model, instead: Mapping[int, torch.Tensor] = MappingProxyType({})
) -> Model:
    """Return a copy of a model that may be trained; the model itself stays as it is from now on.

    What ``embed_once`` makes for one of its copies is there for all of them. A model that embeds no
    prompts is copied alone. ``instead`` holds what stands in the copy for tensors, by their ``id``.
    """
    if hasattr(model, "encode_text"):
        values = model.module.__dict__
        if not isinstance(values.get(_NAME), _Texts):
            values[_NAME] = _Texts(model)
    return copy.deepcopy(model, dict[int, Any](instead))


def embed_once(
    model: Model, prompts: Sequence[Sequence[str]], how: str, embed: Callable[[], torch.Tensor]
) -> torch.Tensor:
    """Return what ``embed`` makes of each class's ``prompts``, by the text tower alone: (K, D).

    Where another copy of the model has asked for the same, and all of both but for the image tower
    is the original's, weights bit by bit, that is returned, and nothing is computed. ``how`` tells
    one way to embed from another.
    """
    texts = model.module.__dict__.get(_NAME)
    if not isinstance(texts, _Texts) or not _is_untouched(model, texts):
        return embed()
    name = how, _name_way(model), tuple(tuple(of_class) for of_class in prompts)
    if name not in texts.embedded:
        with _Watched(model.image_tower) as image_tower:
            made = embed()
        if image_tower.ran:  # then its weights count as well, and may be trained
            return made
        texts.embedded[name] = made.detach().clone()
    return texts.embedded[name].clone()  # who gets it may change it


def _is_untouched(model: Model, texts: _Texts) -> bool:
    """Return whether a copy is the original, but for its image tower."""
    original = texts.module
    if original is None or any(part.training for part in model.module.modules()):
        return False
    outside = _find_outside(model)
    if not outside or _describe_outside(model) != texts.parts:
        return False
    others = dict(_list_tensors(original))
    return all(_are_equal(one, others[name]) for name, one in outside.items())


def _find_outside(model: Model) -> dict[str, torch.Tensor]:
    """Return the tensors that are not the image tower's alone, by their names."""
    tensors = dict(_list_tensors(model.module))
    of_images = Counter(id(one) for _, one in _list_tensors(model.image_tower))
    everywhere = Counter(map(id, tensors.values()))
    # What the image tower shares with anything else belongs to that as well.
    return {name: one for name, one in tensors.items() if of_images[id(one)] < everywhere[id(one)]}


def _describe_outside(model: Model) -> tuple[Hashable, ...]:
    """Return which tensors and modules there are besides the image tower, and how those run."""
    of_images = set(map(id, model.image_tower.modules()))
    modules = (
        (name, type(part), len(part._forward_hooks), len(part._forward_pre_hooks))
        for name, part in model.module.named_modules()
        if id(part) not in of_images and "forward" not in part.__dict__
    )
    return *_find_outside(model), *modules


def _list_tensors(module: torch.nn.Module) -> Iterator[tuple[str, torch.Tensor]]:
    yield from chain(
        module.named_parameters(remove_duplicate=False),
        module.named_buffers(remove_duplicate=False),
    )


def _are_equal(one: torch.Tensor, other: torch.Tensor) -> bool:
    same = (one.dtype, one.device, one.shape) == (other.dtype, other.device, other.shape)
    return same and torch.equal(one, other)


def _name_way(model: Model) -> Hashable:
    """Return what else than weights decides the bits of an embedding."""
    kind = model.logit_scale.device.type
    lower = torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else None
    return lower, torch.get_num_threads()


class _Watched:
    """A module that is watched within a context: whether any part of it ran."""

    def __init__(self, module: torch.nn.Module) -> None:
        self._module, self._stack = module, ExitStack()
        self.ran = False

    def __enter__(self) -> _Watched:
        for part in self._module.modules():
            self._stack.callback(part.register_forward_pre_hook(self._note).remove)
        return self

    def _note(self, part: torch.nn.Module, given: object) -> None:
        self.ran = True

    def __exit__(self, *error: object) -> None:
        self._stack.close()
