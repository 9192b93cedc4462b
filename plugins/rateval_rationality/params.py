"""Params of the validators and the metrics."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from rateval.api import Params


class RelevanceMassParams(Params):
    """How much relevance has to lie on the evidence."""

    threshold: float = Field(default=0.5, ge=0, le=1)
    """Smallest share of the heat map's mass inside the mask that counts as valid evidence."""
    degenerate: Literal["undefined", "published"] = "undefined"
    """What a constant map and an empty mask come to. ``undefined``: no score, not valid, counted in
    the report. ``published``: a constant map is valid evidence, even for an empty mask, as the
    published code gets NaN, which is not below the threshold (here its score is 1); under any other
    map an empty mask scores 0."""


class MassOverChanceParams(Params):
    """How far above chance the relevance on the evidence has to be."""

    threshold: float = Field(default=0.5, ge=0, le=1)
    """Smallest score that counts as valid evidence: 0 is a uniform map, 1 all mass inside. For
    small masks it is the share that relevance-mass asks for; for larger ones it is stricter."""


class RelevanceRankParams(Params):
    """How many of the most relevant pixels have to lie on the evidence."""

    threshold: float = Field(default=0.5, ge=0, le=1)
    """Smallest share inside the mask, of as many pixels as the mask has, that counts as valid
    evidence."""


class PointingGameParams(Params):
    """How near the peak has to be to the evidence."""

    threshold: float = Field(default=0.5, ge=0, le=1)
    """Smallest share of the pixels tied for the peak that must hit for valid evidence; without
    ties every threshold above 0 asks for a hit."""
    tolerance: int = Field(default=0, ge=0, le=256)
    """Largest distance in pixels between peak and mask that is a hit; evaluations on VOC images at
    their full size usually allow 15."""


class TopKParams(Params):
    """How much of the most relevant part of the image has to lie on the evidence."""

    threshold: float = Field(default=0.5, ge=0, le=1)
    """Smallest share of those pixels inside the mask that counts as valid evidence."""
    percent: float = Field(default=5.0, gt=0, le=100)
    """Share of the image's pixels that are looked at, the most relevant first, in percent. Keep it
    below the masks' own share of the image: a smaller mask cannot hold them all."""


class IouParams(Params):
    """How the heat map is binarised and how far it has to overlap with the evidence."""

    threshold: float = Field(default=0.5, ge=0, le=1)
    """Smallest intersection over union that counts as valid evidence."""
    cut: Literal["level", "quantile"] = "level"
    """Whether ``at`` is a level of the heat map, which ranges from 0 to 1 in each image, or a
    quantile of its pixels, which fixes the region's size."""
    at: float = Field(default=0.5, gt=0, lt=1)
    """Where to cut: pixels of at least this level, or those above this quantile, are the region."""


class CountParams(Params):
    """No parameter: a share of counts leaves nothing to choose."""


class CounterfactualParams(Params):
    """No parameter: the spec's ``[counterfactual]`` says when an answer counts as kept."""
