"""The preparation of images by LAVIS' own processor."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from omegaconf import OmegaConf
from torchvision.transforms import Compose, Normalize

from rateval.api import RatevalError
from rateval_lavis.params import LavisParams
from rateval_lavis.upstream import registry

_PROCESSOR = "blip_image_eval"
# By its name a config would choose any class that was ever registered.
_ALLOWED = (_PROCESSOR, "clip_image_eval")


def make_transform(
    name: str, size: int, processor: Mapping[str, Any], params: LavisParams
) -> Compose:
    """Return the transform of an image processor for evaluation.

    ``size`` is what the model ``name`` takes; ``processor`` is what its config says, empty for
    LAVIS' ``blip_image_eval``. That one squashes an image to the square that the model takes, and
    normalises it by CLIP's mean and deviation. Raises RatevalError for a processor that augments or
    is no chain of steps, or that yields another size than the model takes.
    """
    settings: dict[str, Any] = {"name": _PROCESSOR, "image_size": size, **processor}
    overrides = {"mean": params.image_mean, "std": params.image_std}
    settings |= {key: value for key, value in overrides.items() if value is not None}
    if settings["image_size"] != size:
        raise RatevalError(
            f"{name}: its image processor yields {settings['image_size']} pixels, but "
            f"the model takes {size}; make preprocess.vis_processor.eval.image_size and "
            "model.image_size of the config equal"
        )
    kind = registry.get_processor_class(settings["name"]) if settings["name"] in _ALLOWED else None
    made = kind and kind.from_config(OmegaConf.create(settings))
    transform: Compose = getattr(made, "transform", None)
    if not _is_for_evaluation(transform):
        raise RatevalError(
            f"{name}: its image processor {settings['name']!r} is none that can be "
            f"used for evaluation; name {_PROCESSOR} in preprocess.vis_processor.eval"
        )
    return transform


def _is_for_evaluation(transform: object) -> bool:
    if not isinstance(transform, Compose) or not isinstance(transform.transforms[-1], Normalize):
        return False
    return not any(type(step).__name__.startswith("Random") for step in transform.transforms)
