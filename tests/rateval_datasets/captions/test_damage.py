"""Damaged files of captions: refused, skipped with a reason, or read, and never a traceback."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from faults.damage import ALL, damage, files_in
from faults.lists import EDITS, ENCODINGS, edit_text, encode
from rateval.api import Context, RatevalError, Sample, Skipped
from rateval.data.checked import CheckedDataset
from rateval.errors import PluginError
from rateval_datasets.captions.coco import make_coco_captions
from rateval_datasets.captions.flickr30k import make_flickr30k_entities
from rateval_datasets.captions.params import CocoCaptionsParams, Flickr30kEntitiesParams
from rateval_datasets.captions.split import CaptionDataset

TEXTS = ("*.txt", "*.json", "*.xml")
COUNT = st.integers(0, 9999)


def make_coco(root: Path) -> CaptionDataset:
    return make_coco_captions(CocoCaptionsParams(root=root), Context())


def make_flickr(root: Path) -> CaptionDataset:
    return make_flickr30k_entities(Flickr30kEntitiesParams(root=root, least=1), Context())


MAKERS: dict[str, Callable[[Path], CaptionDataset]] = {"coco": make_coco, "flickr": make_flickr}


@pytest.mark.parametrize("tree", MAKERS)
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(how=st.sampled_from([*ALL, *EDITS, *ENCODINGS]), file=COUNT, at=COUNT, much=COUNT)
def test_damage_is_no_traceback(
    tree: str,
    request: pytest.FixtureRequest,
    tmp_path: Path,
    how: str,
    file: int,
    at: int,
    much: int,
) -> None:
    root = tmp_path / "damaged"
    shutil.rmtree(root, ignore_errors=True)
    shutil.copytree(request.getfixturevalue(tree), root)
    files = files_in(root, *TEXTS, *(("*.jpg",) if how in ALL else ()))
    chosen = files[file % len(files)]
    if how in ENCODINGS:
        encode(chosen, how)
    elif how in EDITS:
        if "line" in how and len(chosen.read_text().splitlines()) < 2:
            return  # there is none that could change
        edit_text(chosen, how, at, much)
    else:
        damage(chosen, how, at, much)
    try:
        dataset = CheckedDataset(MAKERS[tree](root), tree)
        for split in (dataset.test, dataset.train):
            for sample in () if split is None else split.samples(range(len(split))):
                assert isinstance(sample, Sample | Skipped)
    except RatevalError as error:
        assert not isinstance(error, PluginError)
        assert "\n" not in str(error)
