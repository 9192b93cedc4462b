"""Tables that a spec may leave out: what is not tried then, and what is kept for reports."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from rateval.spec.study import Table


class Faithfulness(Table):
    """Faithfulness of the explainers themselves: ``[faithfulness]``; not tried without it."""

    images: int = Field(default=64, ge=1)
    """Test images that are looked at in each cell, drawn by class and by a digest of their ids."""
    steps: int = Field(default=8, ge=1, le=1024)
    """Equal steps in which an image's patches are taken out and put in."""
    randomisation: bool = True
    """Whether the images are explained once more with permuted weights, for comparison."""


class Counterfactual(Table):
    """Whether answers hang on the object: ``[counterfactual]``; not tried without it."""

    donors: int = Field(default=4, ge=1, le=64)
    """Other images whose backgrounds each object is put on, drawn by a digest of its id."""
    background: Literal["swap", "grey", "blur"] = "swap"
    """What stands around the object in the first edit: other images' backgrounds, one grey, or the
    image's own background out of focus, which keeps its colours."""
    object: Literal["inpaint", "grey", "blur"] = "inpaint"
    """What takes the object's place in the second edit: what is around it, one grey, which shows
    the outline, or the object out of focus, which keeps its colours."""
    keep: float = Field(default=0.5, gt=0, le=1)
    """Share of the versions with another background on which an answer has to stay. It is no part
    of what is computed with the model."""
    flag_above: float = Field(default=0.2, ge=0, le=1)
    """Share of ``looks-right-is-not`` above which reports name a method."""


class HeldOut(Table):
    """Training samples held out to watch training: ``[held_out]``; without the table none are.

    After every epoch they are scored, for the curve in the report and for methods that stop early.
    """

    images: int = Field(default=256, ge=1)
    """Training samples held out, at most half of the split; nothing is trained on them."""
    evidence: bool = True
    """Whether they are also explained and judged, by the study's first attribution and validator;
    false leaves accuracy alone, which is quicker."""


MOST_PICTURES = 100_000
"""Test images of a dataset that pictures are kept of, at most."""


class Report(Table):
    """What is kept and written for readers: ``[report]``; no score depends on it."""

    pictures: int = Field(default=200, ge=0, le=MOST_PICTURES)
    """Test images of each dataset that pictures are kept of, shared by its shifts; 0 keeps none."""
    tokens: int = Field(default=60, ge=0, le=MOST_PICTURES)
    """Of these, how many of each test have a map for each token of what a cell answered; 0 none."""
    html: bool = False
    """Whether the page is written at the end of each run."""
