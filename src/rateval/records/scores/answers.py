"""What ``run.json`` says of answers and captions, beside what it says of all predictions."""

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


class CaptionsRecord(Record):
    """What captions mention that isn't there, and how like people's they are."""

    samples: int | float
    """Captions; mean over the seeds."""
    silent: int | float
    """Captions that mention none of the dataset's classes; mean over the seeds."""
    chair_i: Estimate
    """CHAIR by instances: the share of mentions whose object isn't there. A class that a caption
    mentions twice counts twice here, and once in accuracy."""
    chair_s: Estimate
    """CHAIR by sentences: the share of captions with such a mention."""
    cider: float | None
    """CIDEr-D over all captions, beside what people wrote; null where it is unknown, or an image
    of the test stands alone; mean over the seeds."""
    no_cider: str | None = None
    """Why it is null."""
