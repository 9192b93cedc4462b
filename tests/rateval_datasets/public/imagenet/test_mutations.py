"""Whatever happens to one file of a dataset, no label changes silently and nothing breaks.

Lists, annotations and images are changed, cut and mixed up; what is read afterwards is refused,
skipped with a reason, or as it was.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from rateval.api import Context, Dataset, RatevalError, Sample
from rateval_datasets.public.caltech101 import make_caltech101
from rateval_datasets.public.cub200 import make_cub200
from rateval_datasets.public.imagenet import make_imagenet
from rateval_datasets.public.params import (
    Caltech101Params,
    Cub200Params,
    ImageNetParams,
    StanfordDogsParams,
)
from rateval_datasets.public.stanford_dogs import make_stanford_dogs

Labels = dict[str, str]
"""Ids to names of their classes."""


def read(make: Callable[[], Dataset]) -> Labels:
    """Read a dataset whole; what is skipped has a reason, and every mask is its image's."""
    dataset = make()
    found: Labels = {}
    for split in (dataset.test, dataset.train):
        assert split is not None
        for sample in split.samples(range(len(split))):
            assert sample.id not in found
            assert sample.id.encode(), "an id is valid Unicode"
            if not isinstance(sample, Sample):
                assert sample.reason.encode(), "and so is a reason"
                continue
            assert sample.image.mode == "RGB"
            if sample.mask is not None:
                assert sample.mask.dtype == np.bool_
                assert sample.mask.shape == (sample.image.height, sample.image.width)
            found[sample.id] = dataset.classes[sample.label]
    return found


@dataclass(frozen=True)
class Change:
    """One file, and what is done to it."""

    file: int
    kind: str
    first: int
    second: int
    content: bytes

    def apply(self, data: bytes) -> bytes:
        lines = data.split(b"\n")
        one, two = self.first % len(lines), self.second % len(lines)
        at = self.first % (len(data) + 1)
        if self.kind == "swap lines":
            lines[one], lines[two] = lines[two], lines[one]
        elif self.kind == "repeat a line":
            lines.insert(one, lines[two])
        elif self.kind == "lose a line":
            del lines[one]
        elif self.kind == "change a number":
            numbers = list(re.finditer(rb"[0-9]+", data))
            if not numbers:
                return data
            found = numbers[self.first % len(numbers)]
            return data[: found.start()] + str(self.second).encode() + data[found.end() :]
        elif self.kind == "cut":
            return data[:at]
        elif self.kind == "insert":
            return data[:at] + self.content + data[at:]
        else:
            return data[:at] + self.content + data[at + len(self.content) :]
        return b"\n".join(lines)


KINDS = (
    "swap lines",
    "repeat a line",
    "lose a line",
    "change a number",
    "cut",
    "insert",
    "replace",
)
NAMING = ("LOC_synset_mapping.txt",)
"""Lists that alone say what a class is called."""
ODD = [
    b"\0",
    b"\xff",
    b'"',
    b"\n",
    b"\xe9",
    b"\xef\xbb\xbf",
    b"9" * 400,
    b"<!DOCTYPE a>",
    b"-1",
    b",",
]
CHANGES = st.builds(
    Change,
    file=st.integers(0, 10_000),
    kind=st.sampled_from(KINDS),
    first=st.integers(0, 10_000),
    second=st.integers(0, 500),
    content=st.sampled_from(ODD) | st.binary(min_size=1, max_size=4),
)


@pytest.fixture
def make(request: pytest.FixtureRequest, dataset: str) -> Callable[[], Dataset]:
    root: Path = request.getfixturevalue(dataset)
    makers: dict[str, Callable[[], Dataset]] = {
        "cub": lambda: make_cub200(Cub200Params(root=root), Context()),
        "caltech": lambda: make_caltech101(
            Caltech101Params(root=root, train_per_class=1), Context()
        ),
        "dogs": lambda: make_stanford_dogs(StanfordDogsParams(root=root), Context()),
        "kaggle": lambda: make_imagenet(ImageNetParams(root=root), Context()),
    }
    return makers[dataset]


@pytest.mark.parametrize("dataset", ["cub", "caltech", "dogs", "kaggle"])
def test_a_changed_file_is_refused_skipped_or_harmless(
    request: pytest.FixtureRequest, dataset: str, make: Callable[[], Dataset]
) -> None:
    root: Path = request.getfixturevalue(dataset)
    files = sorted(path for path in root.rglob("*") if path.is_file())
    lists = [path for path in files if path.suffix in (".txt", ".csv") or path.parent == root]
    candidates = files + lists * (len(files) // max(1, len(lists)))
    before = read(make)

    @settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(change=CHANGES)
    def holds(change: Change) -> None:
        path = candidates[change.file % len(candidates)]
        data = path.read_bytes()
        path.write_bytes(change.apply(data))
        try:
            after = read(make)
        except RatevalError as error:
            assert str(error).encode(), "valid Unicode, too"
        else:
            for name in after.keys() & before.keys():
                assert path.name in NAMING or after[name] == before[name], (path, change)
        finally:
            path.write_bytes(data)

    holds()
