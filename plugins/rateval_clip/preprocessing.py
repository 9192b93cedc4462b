"""The geometry of open_clip's inference transform."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from open_clip.transform import PreprocessCfg, image_transform_v2, merge_preprocess_dict

from rateval.api import RatevalError
from rateval.modelkit import Geometry


def make_geometry(settings: Mapping[str, Any]) -> tuple[Geometry, PreprocessCfg]:
    """Build the transforms from open_clip's size, mean, std, interpolation and resize_mode.

    Settings that are absent or None are open_clip's defaults; their values are returned beside
    the geometry. Raises RatevalError when open_clip refuses one.
    """
    try:
        config = PreprocessCfg(**merge_preprocess_dict(PreprocessCfg(), dict(settings)))
        return Geometry(image_transform_v2(config, is_train=False)), config
    except (AssertionError, TypeError, ValueError) as error:
        raise RatevalError(
            f"preprocess_cfg {dict(settings)}: open_clip refuses it; interpolation must be "
            "bicubic or bilinear, resize_mode shortest, longest or squash"
        ) from error
