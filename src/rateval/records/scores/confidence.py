"""What run.json says of a classifier's confidence where evidence is valid, and where it is not."""

from __future__ import annotations

from rateval.records.base import Record
from rateval.records.scores.estimate import Estimate


class ConfidenceRecord(Record):
    """The confidence of predictions, the probability of what was predicted, beside one validator.

    Images whose evidence is unknown are left out.
    """

    quadrants: dict[str, Estimate]
    """Mean confidence in RR, RW, WR and WW, prediction first, with Student's interval over the
    images; undefined in one without an image. Over seeds Student's of the mean."""
    ability: Estimate
    """How often, of two correct predictions, the one on valid evidence has more confidence than the
    other one (AUROC), with DeLong's interval; undefined where the evidence of all or none of them
    is valid. ``count`` are the correct predictions. 0.5 is what it is where confidence says nothing
    of the evidence."""
