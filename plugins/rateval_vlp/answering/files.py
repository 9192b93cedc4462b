"""The files that make a BLIP that answers, and a digest of them. This module imports no torch."""

from __future__ import annotations

from pathlib import Path

from rateval.modelkit import digest_files, weight_files
from rateval_vlp import files
from rateval_vlp.answering.architecture import AnsweringArchitecture, answering_architecture
from rateval_vlp.answering.params import AnsweringParams, BlipVqaParams
from rateval_vlp.params import QUICKSTART, BlipParams
from rateval_vlp.vocabulary import read_vocabulary

_QUICKSTART = Path(__file__).parents[1] / "quickstart"
_SHARED = ("pretrained", "vocabulary", "image_mean", "image_std")


def locate(params: AnsweringParams) -> tuple[files.Files, AnsweringArchitecture]:
    """Find every file that ``params`` names or implies, and what they say of the model.

    Raises RatevalError for a folder without the files that it should hold, for a config of another
    model, and for a folder that normalises images by other numbers.
    """
    given = {name: getattr(params, name) for name in _SHARED if name in params.model_fields_set}
    if params.pretrained == QUICKSTART:
        asks = isinstance(params, BlipVqaParams)
        given["pretrained"] = str(_QUICKSTART / ("blip-vqa" if asks else "blip-caption"))
        if asks:
            params = params.model_copy(update={"question_begins": "[ENC]"})  # as it was trained
    alike = BlipParams(**given)
    found = files.locate(alike)
    architecture = answering_architecture(params, found.config)
    if found.config is not None:
        files.require_same_preparation(alike, found.config.parent)
    return found, architecture


def digest(params: AnsweringParams) -> str:
    """Return a sha256 in hex of the bytes that determine the model besides its params.

    They are the checkpoint, the config that came with it, and the vocabulary. Raises RatevalError
    when one cannot be read, and when config or vocabulary are not those of such a model.
    """
    found, architecture = locate(params)
    if found.vocabulary is not None and found.is_own_vocabulary:
        read_vocabulary(found.vocabulary, architecture.towers)
    weights = {} if found.weights is None else weight_files(found.weights)
    return digest_files(weights | {"config": found.config, "vocabulary": found.vocabulary})
