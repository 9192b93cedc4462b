"""Images too long for any model to see, left out before they are resized."""

from __future__ import annotations

from collections.abc import Sequence

from PIL import Image

from rateval.api.values import Sample, Skipped

LONGEST = 100
"""How many times as long as wide an image may be.

Most models resize the shorter side to their own and cut out the centre. Of a longer image they
would show less than a hundredth, and resize gigabytes for it; up to here the resized image has at
most a hundred times the pixels of what a model sees.
"""


def explain_length(size: tuple[int, int]) -> str | None:
    """Return why an image of (width, height) pixels is too long; None when it is not.

    >>> explain_length((1, 20_000))
    'too long: 1 x 20,000 pixels, where one side may be at most 100 times the other'
    >>> explain_length((640, 480))
    """
    if max(size) <= LONGEST * min(size):
        return None
    width, height = size
    return (
        f"too long: {width:,} x {height:,} pixels, where one side may be at most {LONGEST} times "
        "the other"
    )


def leave_out_long(samples: Sequence[Sample | Skipped]) -> list[Sample | Skipped]:
    """Return the samples, with those whose images are too long skipped."""
    return [_judge(sample) for sample in samples]


def _judge(sample: Sample | Skipped) -> Sample | Skipped:
    if isinstance(sample, Skipped) or not isinstance(sample.image, Image.Image):
        return sample
    reason = explain_length(sample.image.size)
    return sample if reason is None else Skipped(sample.id, reason)
