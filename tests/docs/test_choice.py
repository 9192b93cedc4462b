"""Of each family that pre-training is shipped which classifies clean scenes best."""

from __future__ import annotations

import dataclasses
from collections import Counter
from hashlib import sha256
from pathlib import Path

import choice
import pytest
from choice import Candidate

import rateval_clip
import rateval_vlp

FOUND = choice.read()
SHIPPED = {
    "clip": Path(rateval_clip.__file__).parent / "quickstart",
    "albef": Path(rateval_vlp.__file__).parent / "quickstart/albef",
    "blip": Path(rateval_vlp.__file__).parent / "quickstart/blip",
}


@pytest.mark.parametrize("family", SHIPPED)
def test_the_best_on_clean_scenes_is_shipped(family: str) -> None:
    best = choice.choose(FOUND)[family]
    weights = (SHIPPED[family] / choice.WEIGHTS[family]).read_bytes()
    assert sha256(weights).hexdigest() == best.digest
    assert best.clean == max(one.clean for one in FOUND if one.family == family)


def test_each_was_chosen_among_three() -> None:
    assert Counter(one.family for one in FOUND) == dict.fromkeys(SHIPPED, 3)
    assert len({one.digest for one in FOUND}) == len(FOUND)


def test_hard_scenes_choose_nothing(tmp_path: Path) -> None:
    found = [Candidate("a", "clip", "1", 10, 0), Candidate("b", "clip", "2", 9, 2000)]
    choice.write(found, tmp_path / "choice.json")
    assert choice.read(tmp_path / "choice.json") == found
    assert choice.choose(reversed(found)) == {"clip": found[0]}
    equal = [found[0], dataclasses.replace(found[1], clean=10)]
    assert choice.choose(equal) == {"clip": found[0]}
