"""What every shift promises."""

from __future__ import annotations

import copy
from dataclasses import replace

from rateval.api.protocols import Dataset, Shift, Split
from rateval.api.shifts import ShiftAmong
from rateval.api.values import Sample, Skipped
from rateval.testing.datasets import check_sample, same_sample
from rateval.testing.failure import part, require, require_members
from rateval.testing.tiny.dataset import tiny_dataset

_WHERE = "Shift.apply"


def check_shift(shift: Shift, dataset: Dataset | None = None) -> None:
    """Check that shifted samples are well formed, repeatable and otherwise the same.

    What it skips must say why, also without masks. One that takes pieces of other samples is made
    twice, so that both must take the same ones. ``dataset`` is a tiny one when None. Raises
    ConformanceError at the first broken promise.
    """
    require_members(shift, Shift)
    dataset = dataset or tiny_dataset()
    shift, again = _among(shift, dataset.test), _among(shift, dataset.test)
    found = dataset.test.samples(range(min(8, len(dataset.test))))
    samples = [sample for sample in found if isinstance(sample, Sample)]
    kept = copy.deepcopy(samples)
    with part(_WHERE):
        _check_shifted(shift, again, samples, kept, dataset)
    with part(f"{_WHERE}, of a sample without a mask,"):
        for sample in kept:
            bare = replace(sample, mask=None)
            _check(bare, shift.apply(bare), len(dataset.classes))


def _check_shifted(
    shift: Shift, again: Shift, samples: list[Sample], kept: list[Sample], dataset: Dataset
) -> None:
    shifted = [shift.apply(sample) for sample in samples]
    for sample, before, after in zip(samples, kept, shifted, strict=True):
        require(
            same_sample(sample, before), _WHERE, "leave its input as it is", f"{sample.id} changed"
        )
        _check(sample, after, len(dataset.classes))
    masked = any(sample.mask is not None for sample in samples)
    some = not masked or any(isinstance(after, Sample) for after in shifted)
    require(some, _WHERE, "shift some of a dataset's samples", "Skipped for each of them")
    for sample, after in zip(reversed(kept), reversed(shifted), strict=True):
        require(
            _same(again.apply(sample), after),
            _WHERE,
            "give the same result for the same sample, whatever came before",
            f"two results for {sample.id!r}",
        )


def _among(shift: Shift, split: Split) -> Shift:
    """Return a shift as a study has it for the samples of a split."""
    if not isinstance(shift, ShiftAmong):
        return shift
    found = shift.among(split)
    require_members(found, Shift)
    return found


def _check(sample: Sample, after: object, classes: int) -> None:
    require(isinstance(after, Sample | Skipped), _WHERE, "return a Sample or Skipped", repr(after))
    assert isinstance(after, Sample | Skipped)
    if isinstance(after, Skipped):
        require(after.id == sample.id, _WHERE, f"keep the id {sample.id!r}", repr(after.id))
        require(bool(after.reason.strip()), _WHERE, "say why it is skipped", repr(after.reason))
        return
    check_sample(after, _WHERE, classes)
    named = (after.id, after.label), (sample.id, sample.label)
    require(named[0] == named[1], _WHERE, f"keep id and label {named[1]}", named[0])
    lost = sample.mask is not None and after.mask is None
    require(not lost, _WHERE, "keep the mask", "None")


def _same(one: Sample | Skipped, other: Sample | Skipped) -> bool:
    if isinstance(one, Sample) and isinstance(other, Sample):
        return same_sample(one, other)
    return one == other
