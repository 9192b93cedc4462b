"""The shift ``corruption`` from the published files of ImageNet-C, in place of making it."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path, PurePosixPath

from PIL import Image

from rateval.api import RatevalError, Sample, Skipped
from rateval.modelkit import change_masks
from rateval_shifts.corruptions import view
from rateval_shifts.corruptions.picture import PUBLISHED_SIDE, Mask
from rateval_shifts.params import CorruptionBase

SIZE = PUBLISHED_SIDE, PUBLISHED_SIDE


class PublishedFiles:
    """A ``rateval.api.protocols.Shift`` to the file of the same name, of one type and severity.

    Its mask is cut as the file was. Where a type moves pixels, nobody knows where to, and the mask
    stays, as that of the dataset ``imagenet-c`` does.
    """

    def __init__(self, params: CorruptionBase, files: Path) -> None:
        self._folder = files / params.type / str(params.severity)
        self._cut = params.size == "imagenet-c"
        self._named = f"{params.type}/{params.severity} of ImageNet-C"
        if not self._folder.is_dir():
            raise RatevalError(
                f"files = {str(files)!r}: there is no folder {self._folder}; ImageNet-C unpacks to "
                "<type>/<severity>/<wnid>/*.JPEG, such as fog/3/n01440764/*.JPEG; leave files out "
                "to make the corruption on the fly"
            )

    def apply(self, sample: Sample) -> Sample | Skipped:
        """Return the sample with the file's image, or why it is left out."""
        name = PurePosixPath(sample.id).name
        wnid = list_files(self._folder).get(name)
        if wnid is None:
            return Skipped(sample.id, f"no file of its name in {self._named}", damaged=True)
        seen = sample
        if sample.image.size != SIZE:
            if not self._cut:
                width, height = sample.image.size
                reason = f'as = "any" and another size than the file\'s: {width} x {height}'
                return Skipped(sample.id, reason)
            seen = change_masks(sample, lambda mask: _cut(sample.image, mask))
        try:
            with Image.open(self._folder / wnid / name) as opened:
                image = opened.convert("RGB")
        except (OSError, SyntaxError, ValueError) as error:
            reason = f"unreadable file in {self._named}: {type(error).__name__}"
            return Skipped(sample.id, reason, damaged=True)
        if image.size != SIZE:
            reason = f"another size than ImageNet-C has: {image.width} x {image.height} pixels"
            return Skipped(sample.id, reason, damaged=True)
        return dataclasses.replace(seen, image=image)


def _cut(image: Image.Image, mask: Mask) -> Mask:
    found = view.published_view(image, mask).mask
    assert found is not None
    return found


@lru_cache(maxsize=8)
def list_files(folder: Path) -> Mapping[str, str]:
    """Return the folder of each image's name below one of a type and severity.

    Kaggle's copy of ImageNet has all validation images in one folder, so that their ids don't tell.
    """
    return {
        file.name: sys.intern(wnid.name)
        for wnid in folder.iterdir()
        if wnid.is_dir()
        for file in wnid.iterdir()
    }
