"""A LoRA adapter that peft saved, merged with a model's weights as peft merges it.

No module is replaced: what comes out are other weights for the model's own classes.
"""

from __future__ import annotations

import re
import reprlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional as F

from rateval.api import Model, RatevalError
from rateval.modelkit import list_some, read_state_dict
from rateval_finetune.loading.adapter_options import (
    AdapterOptions,
    pick,
    read_adapter_options,
)
from rateval_finetune.loading.files import ADAPTER_CONFIG
from rateval_finetune.loading.heads import Head, split_head
from rateval_finetune.loading.towers import tower_names

_ROOT = "base_model.model."
_UPDATE = re.compile(r"(.+)\.lora_([AB])\.weight")
_MERGE = "merge the adapter by peft's merge_and_unload, and give the weights that this leaves"


@dataclass(slots=True)
class Adapter:
    """The tensors of an adapter, by the names of the model it was trained on."""

    path: Path
    updates: dict[str, dict[str, torch.Tensor]] = field(default_factory=dict)
    """By a layer's name, its ``A`` and ``B``."""
    replaced: dict[str, torch.Tensor] = field(default_factory=dict)
    """Weights that were trained whole: biases, and modules saved whole."""


def merge_adapter(
    model: Model, file: Path, prefix: str | None
) -> tuple[dict[str, torch.Tensor], Head | None, tuple[str, ...]]:
    """Return the weights of ``model`` that the adapter in ``file`` changes, its head, and notes.

    Raises RatevalError, naming them, for layers, tensors and options that are not supported.
    """
    options = read_adapter_options(file.parent)
    adapter = _read(file, options)
    names = _find_names(model, adapter, prefix)
    replaced, head = split_head(adapter.replaced, names, file)
    unknown = [name for name in replaced if name not in names]
    if unknown:
        raise RatevalError(
            f"{file}: {len(unknown)} of its tensors are none of {model.card.architecture}'s "
            f"({list_some(unknown)}); give the model that the adapter was trained on"
        )
    whole = model.module.state_dict()
    merged = {names[key]: value for key, value in replaced.items()}
    for layer, parts in adapter.updates.items():
        name = names[f"{layer}.weight"]
        module = _require_layer(model.module, name, file)
        scaling = options.scaling(layer, len(parts["A"]))
        weight = whole[name].detach().cpu()
        merged[name] = weight + _update(module, parts, scaling).to(weight.dtype)
    notes = (
        f"LoRA adapter of {len(adapter.updates)} layers merged with the base model's weights; "
        f"{len(replaced)} weights replaced",
        *_tell_base(model, options),
    )
    return merged, head, notes


def _read(file: Path, options: AdapterOptions) -> Adapter:
    adapter = Adapter(file)
    given = read_state_dict(file, ())
    for key, value in given.items():
        name = key.removeprefix(_ROOT)
        update = _UPDATE.fullmatch(name)
        if name == key:
            raise RatevalError(
                f"{file}: {key!r:.100} does not begin with {_ROOT}, as what peft saves does; save "
                "the adapter again by save_pretrained"
            )
        if update:
            adapter.updates.setdefault(update[1], {})[update[2]] = value
        elif ".lora_" in name:
            raise RatevalError(
                f"{file}: {name} is no part of a plain LoRA on a linear layer (embeddings, DoRA "
                f"and biases of updates are not supported); {_MERGE}"
            )
        elif ".original_module." not in name and not _is_copy(name, given):
            adapter.replaced[name.replace(".base_layer.", ".")] = value
    _require_trained(adapter, options)
    for layer, parts in adapter.updates.items():
        _require_pair(layer, parts, options, file)
    return adapter


def _is_copy(name: str, given: Mapping[str, torch.Tensor]) -> bool:
    # With bias = "all", peft saves the bias of a module saved whole under two names.
    plain = name.replace(".modules_to_save.", ".")
    return plain != name and _ROOT + plain in given


def _require_trained(adapter: Adapter, options: AdapterOptions) -> None:
    for name in adapter.replaced:
        module, _, last = name.rpartition(".")
        parents = [module[: at.start()] for at in re.finditer(r"\.|$", module)]
        # As peft finds them, by the end of their names.
        saved = any(path.endswith(tuple(options.modules_to_save)) for path in parents)
        biased = last.endswith("bias") and options.bias != "none"
        if not saved and not biased:
            raise RatevalError(
                f"{adapter.path}: holds {name}, which {ADAPTER_CONFIG} says nothing of (bias, "
                f"modules_to_save); {_MERGE}"
            )


def _require_pair(
    layer: str, parts: Mapping[str, torch.Tensor], options: AdapterOptions, file: Path
) -> None:
    if parts.keys() != {"A", "B"}:
        absent = "B" if "A" in parts else "A"
        raise RatevalError(f"{file}: lacks {layer}.lora_{absent}.weight; save the adapter again")
    down, up = parts["A"], parts["B"]
    rank = pick(options.rank_pattern, layer, options.r)
    if down.ndim not in (2, 4) or up.ndim != down.ndim or not len(down) == rank == up.shape[1]:
        raise RatevalError(
            f"{file}: the update of {layer} is {tuple(up.shape)} times {tuple(down.shape)}, and "
            f"{ADAPTER_CONFIG} says rank {rank}; give the config that belongs to these weights"
        )


def _find_names(model: Model, adapter: Adapter, prefix: str | None) -> dict[str, str]:
    """Return the adapter's names to the model's: of all of it, its tower, or a part of that."""
    whole = {name: name for name in model.module.state_dict()}
    layers = [f"{layer}.weight" for layer in adapter.updates] or list(adapter.replaced)
    found: dict[str, dict[str, str]] = {}
    tower = tower_names(model)
    for names in (whole, tower, *_parts(tower)):
        before = _prefix_of(layers, names) if prefix is None else prefix
        if before is None:
            continue
        mapped = {before + name: own for name, own in names.items()}
        if all(layer in mapped for layer in layers) and _fits(model, adapter, mapped):
            found.setdefault(str([mapped[layer] for layer in layers]), mapped)
    if not found:
        raise RatevalError(
            f"{adapter.path}: its layers are none of {model.card.architecture}'s, or have other "
            f"sizes ({list_some(layers)}); give the model that the adapter was trained on"
            + (", or set prefix to what stands before its names" if prefix is None else "")
        )
    if len(found) > 1:
        raise RatevalError(
            f"{adapter.path}: {list_some(layers)} are names of the image tower and of the text "
            f"tower alike, and nothing says which one was trained; {_MERGE}"
        )
    return next(iter(found.values()))


def _parts(tower: Mapping[str, str]) -> list[dict[str, str]]:
    """Return the names within each part of a tower, as that part alone calls them."""
    parts: dict[str, dict[str, str]] = {}
    for name, own in tower.items():
        part, _, rest = name.partition(".")
        if rest:
            parts.setdefault(part, {})[rest] = own
    return list(parts.values())


def _prefix_of(layers: list[str], names: Mapping[str, str]) -> str | None:
    first = layers[0] if layers else ""
    for at in (0, *(found.end() for found in re.finditer(r"\.", first))):
        before = first[:at]
        if all(key.startswith(before) and key[at:] in names for key in layers):
            return before
    return None


def _fits(model: Model, adapter: Adapter, names: Mapping[str, str]) -> bool:
    whole = model.module.state_dict()
    for layer, parts in adapter.updates.items():
        shape = whole[names[f"{layer}.weight"]].shape
        if len(shape) < 2 or shape[0] != len(parts["B"]) or shape[1:] != parts["A"].shape[1:]:
            return False
    return True


def _require_layer(module: nn.Module, name: str, file: Path) -> nn.Module:
    path = name.rpartition(".")[0]
    layer = module.get_submodule(path)
    parent = module.get_submodule(path.rpartition(".")[0])
    if isinstance(parent, nn.MultiheadAttention):
        raise RatevalError(
            f"{file}: an update of {path}, within nn.MultiheadAttention, which peft computes in a "
            "way that no weights of the model's own class do; train without it, or with an "
            "architecture whose projections are linear layers"
        )
    if isinstance(layer, nn.Linear) or (isinstance(layer, nn.Conv2d) and layer.groups == 1):
        return layer
    raise RatevalError(
        f"{file}: an update of {path}, which is {type(layer).__name__}; only linear layers and "
        f"convolutions without groups are supported; {_MERGE}"
    )


def _update(layer: nn.Module, parts: Mapping[str, torch.Tensor], scaling: float) -> torch.Tensor:
    # In this order peft computes it, so that the sums are the same to the bit.
    down, up = parts["A"].float(), parts["B"].float()
    if isinstance(layer, nn.Linear):
        return (up @ down) * scaling
    if down.shape[2:] == (1, 1):
        return (up[..., 0, 0] @ down[..., 0, 0])[..., None, None] * scaling
    return F.conv2d(down.transpose(0, 1), up).transpose(0, 1) * scaling


def _tell_base(model: Model, options: AdapterOptions) -> tuple[str, ...]:
    named, here = options.base_model_name_or_path, model.card.checkpoint
    if named and here:
        path, base = Path(here).expanduser().resolve(), Path(named).expanduser().resolve()
        if named == here or base in (path, path.parent):
            return ()
    said = f"on {reprlib.repr(named)}" if named else "on a model that it doesn't name"
    return (f"the adapter was trained {said}, and is applied to {here or 'random weights'}",)
