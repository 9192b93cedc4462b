"""Test images with less light."""

from dataclasses import replace

from PIL import ImageEnhance
from pydantic import Field

from rateval.api import Context, Params, Sample, Shift, Skipped


class MineShiftParams(Params):
    """What a spec can set of mine-shift."""

    severity: int = Field(default=3, ge=1, le=5)
    """How dark it gets; a list in a spec makes a cell for each."""


class MineShift:
    """Images that are dimmed evenly."""

    def __init__(self, severity: int) -> None:
        self._brightness = 1 - 0.15 * severity

    def apply(self, sample: Sample) -> Sample | Skipped:
        """Return the shifted sample."""
        # Must leave its input as it is, and keep id, label and mask.
        # Must give the same result for the same sample, whatever came before; threads call it.
        # Must move the mask with the object, where it moves one.
        # What it can do nothing with gives Skipped(sample.id, why), also where mask is None.
        image = ImageEnhance.Brightness(sample.image).enhance(self._brightness)
        return replace(sample, image=image)


def make(params: MineShiftParams, context: Context) -> Shift:
    """Make the shift."""
    return MineShift(params.severity)
