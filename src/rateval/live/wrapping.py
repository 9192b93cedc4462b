"""Live modules as models: by the component that knows their class, else by looking at them."""

from __future__ import annotations

from typing import Any

import torch

from rateval.api.protocols import Model
from rateval.errors import RatevalError, naming
from rateval.live.probing import Record
from rateval.live.vision import VisionModel
from rateval.modelkit.transforms import read_transform
from rateval.registry.references import load_reference
from rateval.registry.registry import Registered, Registry
from rateval.wording import describe

CALL = "rateval.wrap"


def wrap(
    module: object,
    tokenizer: Any,
    preprocess: Any,
    prompt: Any,
    record: Record | None,
    grid: tuple[int, int] | None,
    registry: Registry,
) -> Model:
    """Make a model of a live module; see ``rateval.wrap``."""
    inner = _take_out(module)
    if not isinstance(inner, torch.nn.Module):
        raise RatevalError(f"{CALL}: model is {describe(module)}; give a torch.nn.Module")
    found = find_wrapper(inner, registry)
    try:
        if found is None:
            _refuse_text(inner, tokenizer, prompt, registry)
            return _wrap_tower(inner, preprocess, record, grid)
        if record is not None or grid is not None:
            raise RatevalError(
                f"{_name_class(type(inner))} is recorded by the component "
                f'"{found.component.name}"; leave record and grid out'
            )
        more = {} if prompt is None else {"prompt": prompt}
        make = load_reference(found, "wrapper")
        with naming(f"{found.plugin}: wrapper of the model {found.component.name!r}", "model"):
            model: Model = make(inner, tokenizer=tokenizer, preprocess=preprocess, **more)
        return model
    except RatevalError as error:
        error.args = (f"{CALL}: {error}",)
        raise


def _wrap_tower(
    module: torch.nn.Module,
    preprocess: Any,
    record: Record | None,
    grid: tuple[int, int] | None,
) -> VisionModel:
    if preprocess is None:
        raise RatevalError(
            f"preprocess is missing; give the transform that {_name_class(type(module))} is "
            "evaluated with, such as timm.data.create_transform("
            "**timm.data.resolve_model_data_config(model)) or a torchvision weight's transforms()"
        )
    return VisionModel(module, read_transform(preprocess), record, grid)


def find_wrapper(module: torch.nn.Module, registry: Registry) -> Registered | None:
    """Return the component that wraps the class of a module, or one that it inherits from."""
    for cls in type(module).__mro__:
        for found in registry.of_kind("model"):
            if _name_class(cls) in found.component.wraps:
                return found
    return None


def _take_out(module: Any) -> Any:
    """Return the module inside of what compiling, parallel training or peft put around it."""
    while True:
        if isinstance(module, torch.nn.Module) and hasattr(module, "_orig_mod"):
            module = module._orig_mod
        elif isinstance(module, torch.nn.DataParallel | torch.nn.parallel.DistributedDataParallel):
            module = module.module
        elif isinstance(module, torch.nn.Module) and hasattr(module, "get_base_model"):
            module = module.get_base_model()  # type: ignore[operator]  # with peft's layers in it
        else:
            return module


def _refuse_text(module: torch.nn.Module, tokenizer: Any, prompt: Any, registry: Registry) -> None:
    given = {"tokenizer": tokenizer, "prompt": prompt}
    named = [name for name, value in given.items() if value is not None]
    if named:
        known = [name for found in registry.of_kind("model") for name in found.component.wraps]
        raise RatevalError(
            f"no plugin wraps {_name_class(type(module))}, so that nothing reads its "
            f"{named[0]}; those with a text side are {', '.join(known) or 'none'}. For any other "
            "one wrap its image tower without it, and give rateval.evaluate a head"
        )


def _name_class(cls: type) -> str:
    return f"{cls.__module__}.{cls.__qualname__}"
