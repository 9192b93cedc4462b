"""What a config may ask of LAVIS' image processor. This module imports no torch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rateval.api import RatevalError
from rateval_lavis.params import LavisFilesParams

_USUAL = "blip_image_eval"
# By its name a config would choose any class that was ever registered.
_ALLOWED = (_USUAL, "clip_image_eval")


def read_settings(
    name: str, size: int, processor: Mapping[str, Any], params: LavisFilesParams
) -> dict[str, Any]:
    """Return the settings of an image processor; mean and deviation of ``params`` come first.

    ``size`` is what the model ``name`` takes; ``processor`` is what its config says, empty for
    LAVIS' ``blip_image_eval``. Raises RatevalError for a processor that isn't for evaluation, or
    that yields another size than the model takes.
    """
    settings: dict[str, Any] = {"name": _USUAL, "image_size": size, **processor}
    overrides = {"mean": params.image_mean, "std": params.image_std}
    settings |= {key: value for key, value in overrides.items() if value is not None}
    if settings["image_size"] != size:
        raise RatevalError(
            f"{name}: its image processor yields {settings['image_size']} pixels, but "
            f"the model takes {size}; make preprocess.vis_processor.eval.image_size and "
            "model.image_size of the config equal"
        )
    if settings["name"] not in _ALLOWED:
        raise refusal(name, settings["name"])
    return settings


def refusal(name: str, processor: str) -> RatevalError:
    """Return the complaint about an image processor that isn't for evaluation."""
    return RatevalError(
        f"{name}: its image processor {processor!r} is none that can be "
        f"used for evaluation; name {_USUAL} in preprocess.vis_processor.eval"
    )
