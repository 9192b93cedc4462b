"""Samples of a split that lend their backgrounds, read when they are first asked."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from threading import Lock

from PIL import Image

from rateval.api import Sample, Skipped, Split
from rateval.modelkit import can_lend, draw_in_turn, pool_donors
from rateval_shifts.corruptions.picture import Pixels
from rateval_shifts.reasons.pixels import cover, fill_in, shrink

_KEPT_BYTES = 256 * 2**20
_KEPT_SIDE = 512
"""Shorter side in pixels of a background that is kept, at most."""


@dataclass(frozen=True, slots=True, eq=False)
class _Lent:
    id: str
    label: int
    background: Pixels | None
    """None of a sample that can't lend."""


class Lenders:
    """The backgrounds of a split, which threads may ask for in any order.

    Whose background a sample gets is drawn by digests alone, as the counterfactual stage draws it:
    from 256 samples that digests choose, each that can lend as likely as any other; further ones
    are asked where none of these can. Up to 256 MiB of backgrounds are kept.
    """

    def __init__(self, split: Split) -> None:
        self._split = split
        self._pools = pool_donors(split)
        self._labels: Sequence[int] | None = getattr(split, "labels", None)
        self._told: dict[int, tuple[str, int, bool]] = {}
        """Position to id, label and whether it can lend, of all that were read."""
        self._kept: OrderedDict[int, Future[_Lent]] = OrderedDict()
        self._sizes: dict[int, int] = {}
        """Bytes of what is kept, by position."""
        self._lock = Lock()

    def find(self, sample: Sample) -> Pixels | None:
        """Return the background that a sample gets, at a shorter side of 512 at most, or None.

        It is another sample's, of another label unless no such one can lend.
        """
        for same_label in (False, True):
            for at in self._in_turn(sample, same_label):
                told = self._told.get(at)
                if told is not None and not _suits(*told, sample, same_label):
                    continue
                lent = self._lend(at)
                if _suits(lent.id, lent.label, lent.background is not None, sample, same_label):
                    return lent.background
        return None

    def _in_turn(self, sample: Sample, same_label: bool) -> Iterator[int]:
        for pool in self._pools:
            for at in draw_in_turn(sample.id, pool):
                if self._labels is None or (self._labels[at] == sample.label) == same_label:
                    yield at

    def _lend(self, at: int) -> _Lent:
        """Return what a sample lends: read by whoever asks first, kept for the others."""
        with self._lock:
            future = self._kept.get(at)
            first = future is None
            if future is None:
                future = self._kept[at] = Future()
            self._kept.move_to_end(at)
        if first:
            try:
                future.set_result(self._read(at))
            except BaseException as error:
                with self._lock:
                    del self._kept[at]
                future.set_exception(error)
                raise
            self._remember(at, future.result())
        return future.result()

    def _read(self, at: int) -> _Lent:
        (sample,) = self._split.samples([at])
        if isinstance(sample, Skipped) or sample.mask is None:
            return _Lent(sample.id, -1, None)
        if not can_lend(float(sample.mask.mean())):
            return _Lent(sample.id, sample.label, None)
        pixels, region = shrink(sample.image, cover(sample.mask), _KEPT_SIDE)
        return _Lent(sample.id, sample.label, fill_in(Image.fromarray(pixels), region))

    def _remember(self, at: int, lent: _Lent) -> None:
        """Note what was read, and let go of what was asked for least recently."""
        with self._lock:
            self._told[at] = lent.id, lent.label, lent.background is not None
            if lent.background is None:
                del self._kept[at]
                return
            self._sizes[at] = lent.background.nbytes
            while sum(self._sizes.values()) > _KEPT_BYTES and len(self._sizes) > 1:
                # Those being read aren't among them.
                oldest = next(old for old in self._kept if old in self._sizes)
                del self._kept[oldest], self._sizes[oldest]


def _suits(name: str, label: int, able: bool, sample: Sample, same_label: bool) -> bool:
    return able and name != sample.id and (label == sample.label) == same_label
