"""What every shift promises."""

from __future__ import annotations

import copy

from rateval.api.protocols import Dataset, Shift
from rateval.api.values import Sample
from rateval.testing.datasets import check_sample, same_sample
from rateval.testing.failure import require, require_members
from rateval.testing.tiny.dataset import tiny_dataset

_WHERE = "Shift.apply"


def check_shift(shift: Shift, dataset: Dataset | None = None) -> None:
    """Check that shifted samples are well formed, repeatable and otherwise the same.

    ``dataset`` is a tiny one when None. Raises ConformanceError at the first broken promise.
    """
    require_members(shift, Shift)
    dataset = dataset or tiny_dataset()
    found = dataset.test.samples(range(min(8, len(dataset.test))))
    samples = [sample for sample in found if isinstance(sample, Sample)]
    kept = copy.deepcopy(samples)
    shifted = [shift.apply(sample) for sample in samples]
    for sample, before, after in zip(samples, kept, shifted, strict=True):
        require(
            same_sample(sample, before), _WHERE, "leave its input as it is", f"{sample.id} changed"
        )
        require(isinstance(after, Sample), _WHERE, "return a Sample", repr(after))
        check_sample(after, _WHERE, len(dataset.classes))
        named = (after.id, after.label), (sample.id, sample.label)
        require(named[0] == named[1], _WHERE, f"keep id and label {named[1]}", named[0])
        lost = sample.mask is not None and after.mask is None
        require(not lost, _WHERE, "keep the mask", "None")
    for sample, after in zip(reversed(kept), reversed(shifted), strict=True):
        require(
            same_sample(shift.apply(sample), after),
            _WHERE,
            "give the same result for the same sample, whatever came before",
            f"two results for {sample.id!r}",
        )
