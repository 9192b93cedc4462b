"""The preparation of images by LAVIS' own processor."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from omegaconf import OmegaConf
from torchvision.transforms import Compose, Normalize

from rateval_lavis.params import LavisFilesParams
from rateval_lavis.processor import read_settings, refusal
from rateval_lavis.upstream import registry


def make_transform(
    name: str, size: int, processor: Mapping[str, Any], params: LavisFilesParams
) -> Compose:
    """Return the transform of an image processor for evaluation.

    ``size`` is what the model ``name`` takes; ``processor`` is what its config says, empty for
    LAVIS' ``blip_image_eval``. That one squashes an image to the square that the model takes, and
    normalises it by CLIP's mean and deviation. Raises RatevalError for a processor that augments or
    is no chain of steps, or that yields another size than the model takes.
    """
    settings = read_settings(name, size, processor, params)
    kind = registry.get_processor_class(settings["name"])
    made = kind and kind.from_config(OmegaConf.create(settings))
    transform: Compose = getattr(made, "transform", None)
    if not _is_for_evaluation(transform):
        raise refusal(name, settings["name"])
    return transform


def _is_for_evaluation(transform: object) -> bool:
    if not isinstance(transform, Compose) or not isinstance(transform.transforms[-1], Normalize):
        return False
    return not any(type(step).__name__.startswith("Random") for step in transform.transforms)
