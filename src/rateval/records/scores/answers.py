"""What ``run.json`` says of answers to questions, beside what it says of all predictions."""

from __future__ import annotations

from rateval.records.base import Record
from rateval.records.scores.estimate import Estimate


class WithoutImageRecord(Record):
    """What is answered where a question stands alone: how far language tells the answer."""

    blank_right: Estimate
    """Share of right answers where the image is blank."""
    blank_kept: Estimate
    """Share of the answers to the image that stay where it is blank."""
    other_right: Estimate
    """Share of right answers beside another sample's image."""
    other_kept: Estimate
    """Share of the answers to the image that stay beside another sample's."""
