"""What ``run.json`` says of the pictures of test images that a run keeps."""

from __future__ import annotations

from pydantic import Field

from rateval.records.base import Record
from rateval.records.shift import Shifted
from rateval.wording import plural

PICTURES = "pictures"
"""Stage, and folder of the store, of pictures."""
FILE_PATTERN = r"^pictures(-[0-9]{1,9})?\.parquet$"
"""Names of the files of views; a record that was changed leads to no other file."""


class StratumRecord(Record):
    """One group of test images that pictures are drawn from."""

    chosen: int
    """Images of it that there is a picture of, or was to be one."""
    there: int
    """Images of it in the whole test."""


class PicturesRecord(Record):
    """Pictures of a sample of test images, as some of the study's models see them."""

    dataset: str
    shift: Shifted = None
    """Null for the unshifted test."""
    seed: int | None = None
    """The one of the study's seeds that the test was made with; null when it depends on none."""
    models: tuple[str, ...]
    """Labels of the models whose view of the images it is."""
    identity: str
    """Names the stored pictures: ``store/pictures/<identity>``."""
    file: str = Field(pattern=FILE_PATTERN)
    """Which of the files there holds this view."""
    height: int
    """Rows of the view in pixels; a picture is shrunk where its longer side exceeds 256."""
    width: int
    count: int
    """Images that were drawn."""
    undefined: dict[str, int]
    """Reason to the number of those without a picture."""
    of: int
    """Images of the test that were predicted in some cell."""
    asked: int
    """Images that were asked for."""
    strata: dict[str, StratumRecord]
    """Name of a quadrant or transition of a cell to its images, the rarest first."""

    def tell_sampling(self, unit: str = "image") -> str:
        """Return a sentence on how ``unit``s were drawn, for readers of a gallery."""
        of = f"{self.of:,} test {plural(unit)}"
        if self.count == self.of:
            return f"All {of} are shown."
        return (
            f"{self.count:,} of {of} are shown. They are no random sample: they "
            f"were drawn from {len(self.strata):,} quadrants and transitions of all methods, one "
            "after the other, rare ones first; within each, a digest of the ids decided."
        )
