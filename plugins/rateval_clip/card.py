"""The card of a CLIP: what it is and where it comes from."""

from __future__ import annotations

from pathlib import Path

from open_clip.transform import PreprocessCfg

from rateval.api import ModelCard
from rateval_clip.architecture import Architecture
from rateval_clip.checkpoint.weights import Loaded
from rateval_clip.params import QUICKSTART, ClipParams, names_tag
from rateval_clip.tokens import CONTEXT_LENGTH

_OPEN_CLIP = "github.com/mlfoundations/open_clip"


def make_card(
    architecture: Architecture,
    params: ClipParams,
    image_size: tuple[int, int],
    preprocessing: PreprocessCfg,
    weights: Path | None,
    loaded: Loaded,
) -> ModelCard:
    """Make the card of a model whose ``weights`` were ``loaded``; None means random ones.

    The licence is known for the weights that rateval ships and for OpenAI's tags alone.
    """
    licence, source, checkpoint = "unknown", _OPEN_CLIP, "" if weights is None else str(weights)
    is_tag = names_tag(params)
    if is_tag:
        checkpoint = str(params.pretrained)
    if is_tag and params.pretrained == "openai":
        licence, source = "MIT", f"github.com/openai/CLIP, through {_OPEN_CLIP}"
    elif params.architecture == QUICKSTART and params.pretrained is None:
        licence, source = "Apache-2.0", f"trained by rateval on drawn scenes, through {_OPEN_CLIP}"
    return ModelCard(
        architecture=architecture.name,
        image_size=image_size,
        mean=tuple(preprocessing.mean),
        std=tuple(preprocessing.std),
        text_length=architecture.config["text_cfg"].get("context_length", CONTEXT_LENGTH),
        head_feature="projected embedding",
        licence=licence,
        source=source,
        checkpoint=checkpoint,
        keys_used=loaded.used,
        keys_ignored=loaded.ignored,
        assumed=loaded.assumed,
    )
