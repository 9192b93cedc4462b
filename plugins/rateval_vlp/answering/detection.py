"""What `rateval init` tells of BLIPs that answer or caption, by names of classes and of weights."""

from __future__ import annotations

import math
from typing import Any

from rateval.api import RatevalError
from rateval.modelkit import Clues, Guess, read_json
from rateval_vlp.answering.params import CAPTION_SIZES, VQA_SIZES
from rateval_vlp.detection import with_words
from rateval_vlp.files import CONFIG_NAME

_DECODES = "text_decoder.cls.predictions.bias"
_READS = "text_encoder.embeddings.word_embeddings.weight"
_COMPARES = "vision_proj.weight"
"""What pre-trained checkpoints have beside: those compare images and texts as well."""
_PLACES = "visual_encoder.pos_embed"
_PATCHES = "visual_encoder.patch_embed.proj.weight"
_AS_IT_IS = (
    "the model before its fine-tuning, if it was fine-tuned: it is taken as it is, and compared "
    "with none; add a second [[model]] with the weights from before"
)


def detect_blip_vqa(clues: Clues) -> Guess | None:
    """Return a BLIP that answers questions; without a checkpoint, the one that is brought along."""
    if clues.checkpoint is None:
        return _brought("model_base_vqa_capfilt_large.pth")
    return _detect(clues, "BlipForQuestionAnswering", "answers questions", reads=True)


def detect_blip_caption(clues: Clues) -> Guess | None:
    """Return a BLIP that writes captions; without a checkpoint, the one that is brought along."""
    if clues.checkpoint is None:
        return _brought("model_base_caption_capfilt_large.pth")
    return _detect(clues, "BlipForConditionalGeneration", "writes captions", reads=False)


def _brought(file: str) -> Guess:
    return Guess(
        "no checkpoint was given; the tiny BLIP that comes with rateval",
        {},
        0,
        unknown=(
            "the model: this one knows drawn scenes and no photos, so that its figures mean "
            "nothing; give yours by --checkpoint, or set pretrained",
        ),
        fill={"pretrained": f"path of {file}"},
    )


def _detect(clues: Clues, named: str, does: str, *, reads: bool) -> Guess | None:
    if clues.file is None:
        return None
    folder = clues.file.parent
    why = f"BLIP that {does}"
    if named in _list_classes(clues):
        params: dict[str, Any] = {"pretrained": str(folder)}
        return Guess(f"{why}, in a folder of transformers'", params, 3, (_AS_IT_IS,))
    names = {name: key for key in clues.weights for name in _NAMES if key.endswith(name)}
    if _DECODES not in names or (_READS in names) != reads or _COMPARES in names:
        return None
    params = {"pretrained": str(clues.file)} | _size(clues, names, reads=reads)
    params |= {"weights": "ema"} if clues.averaged else {}
    return with_words(Guess(f"{why}, by the names of its weights", params, 3, (_AS_IT_IS,)))


_NAMES = (_DECODES, _READS, _COMPARES, _PLACES, _PATCHES)


def _list_classes(clues: Clues) -> list[str]:
    """Return the classes that a folder of transformers' names; none where it is no such folder."""
    assert clues.file is not None
    try:
        found = read_json(clues.file.parent / CONFIG_NAME).get("architectures")
    except (RatevalError, OSError):
        return []
    return [str(one) for one in found] if isinstance(found, list) else []


def _size(clues: Clues, names: dict[str, str], *, reads: bool) -> dict[str, Any]:
    """Return the param of a size where it isn't the usual one and the shapes tell it."""
    if _PLACES not in names or _PATCHES not in names:
        return {}
    places, patches = (clues.weights[names[name]] for name in (_PLACES, _PATCHES))
    side = math.isqrt(max(places.shape[1] - 1, 0)) * patches.shape[-1]
    for name, preset in (VQA_SIZES if reads else CAPTION_SIZES).items():
        if preset.width == patches.shape[0]:
            if side != preset.image_size and name == "base":
                return {"size": {"image_size": side}}
            return {} if name == "base" else {"size": name}
    return {}
