"""What rateval and its reports say of an ALBEF or BLIP."""

from __future__ import annotations

from rateval.api import ModelCard
from rateval_vlp.architecture import Architecture
from rateval_vlp.files import Files
from rateval_vlp.params import QUICKSTART, AlbefParams, BlipParams
from rateval_vlp.weights import Loaded

_SOURCES = {"albef": "github.com/salesforce/ALBEF", "blip": "github.com/salesforce/BLIP"}


def make_card(
    architecture: Architecture, params: AlbefParams | BlipParams, files: Files, loaded: Loaded
) -> ModelCard:
    """Make the card of a model that was ``loaded`` from ``files``."""
    side = architecture.size.image_size
    licence = "BSD-3-Clause for the official weights, else unknown"
    source = _SOURCES[architecture.family]
    if params.pretrained == QUICKSTART:
        licence, source = "Apache-2.0", "trained by rateval on drawn scenes"
    return ModelCard(
        architecture=architecture.name,
        image_size=(side, side),
        mean=params.image_mean,
        std=params.image_std,
        text_length=architecture.text_length,
        head_feature="class token",
        licence=licence,
        source=source,
        checkpoint=str(files.weights or ""),
        keys_used=loaded.used,
        keys_ignored=loaded.ignored,
        assumed=loaded.assumed,
    )
