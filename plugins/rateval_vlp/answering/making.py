"""The factories of blip-vqa and blip-caption."""

from __future__ import annotations

from dataclasses import replace

import torch
from torchvision.transforms import Compose, InterpolationMode, Normalize, Resize, ToTensor

from rateval.api import Context, ModelCard, RatevalError
from rateval.modelkit import Geometry, read_weights
from rateval_vlp.answering.architecture import AnsweringArchitecture
from rateval_vlp.answering.building import build, load_weights
from rateval_vlp.answering.files import locate
from rateval_vlp.answering.keys import names_in
from rateval_vlp.answering.model import AnsweringModel, CaptioningModel
from rateval_vlp.answering.params import AnsweringParams, BlipCaptionParams, BlipVqaParams
from rateval_vlp.answering.words import Words
from rateval_vlp.files import Files
from rateval_vlp.params import QUICKSTART
from rateval_vlp.weights import Loaded


def make_blip_vqa(params: BlipVqaParams, context: Context) -> AnsweringModel:
    """Build a BLIP that answers questions, on the context's device, in its dtype.

    Raises RatevalError for weights that are absent, unreadable, unsafe or of another architecture,
    and for a vocabulary that is absent or doesn't fit.
    """
    return AnsweringModel(*_make(params, context, ""), params.max_new_tokens)


def make_blip_caption(params: BlipCaptionParams, context: Context) -> CaptioningModel:
    """Build a BLIP that writes captions, on the context's device, in its dtype.

    Raises RatevalError for weights that are absent, unreadable, unsafe or of another architecture,
    and for a vocabulary that is absent or doesn't fit.
    """
    return CaptioningModel(*_make(params, context, params.prompt), params.max_new_tokens)


def _make(
    params: AnsweringParams, context: Context, prompt: str
) -> tuple[torch.nn.Module, Words, Geometry, ModelCard, AnsweringArchitecture]:
    files, architecture = locate(params)
    words = Words(files.vocabulary, architecture, prompt)
    positions = architecture.towers.size.max_positions
    if words.begin(1).shape[1] + params.max_new_tokens > positions:
        raise RatevalError(
            f"max_new_tokens = {params.max_new_tokens}: with what begins an answer more than the "
            f"model's {positions} positions; lower it"
        )
    module = build(architecture, context.seed)
    loaded = Loaded(0, ())
    if files.weights is not None:
        named = names_in(module.state_dict(), hugging_face=architecture.towers.hugging_face)
        read = read_weights(files.weights, named, prefix=params.prefix, weights=params.weights)
        loaded = load_weights(module, architecture, read.state, files.weights)
        loaded = replace(
            loaded,
            ignored=(*loaded.ignored, *read.left_out),
            assumed=(*loaded.assumed, *read.told),
        )
    card = _make_card(architecture, params, files, loaded)
    geometry = _make_geometry(architecture.towers.size.image_size, params)
    module.to(device=context.device, dtype=getattr(torch, context.dtype))
    return module, words, geometry, card, architecture


def _make_geometry(side: int, params: AnsweringParams) -> Geometry:
    resize = Resize((side, side), interpolation=InterpolationMode.BICUBIC)
    return Geometry(Compose([resize, ToTensor(), Normalize(params.image_mean, params.image_std)]))


def _make_card(
    architecture: AnsweringArchitecture, params: AnsweringParams, files: Files, loaded: Loaded
) -> ModelCard:
    towers, side = architecture.towers, architecture.towers.size.image_size
    return ModelCard(
        architecture=towers.name,
        image_size=(side, side),
        mean=params.image_mean,
        std=params.image_std,
        text_length=towers.text_length,
        head_feature="words",
        licence="BSD-3-Clause for the official weights, else unknown",
        source="github.com/salesforce/BLIP",
        checkpoint=QUICKSTART if params.pretrained == QUICKSTART else str(files.weights or ""),
        keys_used=loaded.used,
        keys_ignored=loaded.ignored,
        assumed=(*architecture.assumed, *loaded.assumed),
    )
