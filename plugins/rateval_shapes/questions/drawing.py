"""Scenes with questions drawn: images of 64 x 64 pixels and the exact masks of all objects."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rateval_shapes.drawing import develop, paint_backgrounds, stamp
from rateval_shapes.questions.arranging import Arranged
from rateval_shapes.questions.facts import CELLS, Facts, Question
from rateval_shapes.scenes import SIDE

Masks = NDArray[np.bool_]


def draw_crowds(crowds: Arranged) -> tuple[NDArray[np.uint8], Masks]:
    """Draw B scenes: images (B, 64, 64, 3) uint8 and masks of each cell (B, 4, 64, 64) bool.

    A mask is True where the cell's object covers at least half of a pixel; of an empty cell it is
    False everywhere. Objects never overlap, so all of each is visible.
    """
    canvas = paint_backgrounds(crowds)
    masks = np.zeros((len(crowds), len(CELLS), SIDE, SIDE), dtype=np.bool_)
    for at, figures in enumerate(crowds.figures):
        rows = np.flatnonzero(crowds.there[:, at])
        masks[rows, at] = stamp(canvas, crowds, figures, rows)
    return develop(canvas, crowds), masks


def draw_evidence(facts: Facts, question: Question, masks: Masks) -> Masks | None:
    """Return the mask (64, 64) of what an answer needs, of the masks (4, 64, 64) of the cells.

    None where it needs what isn't there: no region tells it.
    """
    if question.about is None:
        return None
    cells = [CELLS.index(facts.things[at].cell) for at in question.about]
    evidence: Masks = np.asarray(masks[cells].any(axis=0))
    return evidence
