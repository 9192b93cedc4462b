"""Public datasets of questions are recognised by the names of their files."""

from __future__ import annotations

from pathlib import Path

import pytest

from rateval.drafting.draft import make_draft
from rateval.errors import RatevalError
from rateval.modelkit import Clues
from rateval.registry.discovery import discover
from rateval_datasets.detection.questions import detect_gqa, detect_vizwiz, detect_vqa_v2

DETECT = {"gqa": detect_gqa, "vqa": detect_vqa_v2, "vizwiz": detect_vizwiz}


@pytest.mark.parametrize("tree", DETECT)
def test_each_knows_its_own_and_no_other(tree: str, request: pytest.FixtureRequest) -> None:
    root: Path = request.getfixturevalue(tree)
    for name, detect in DETECT.items():
        guess = detect(Clues(data=root))
        assert (guess is not None) == (name == tree)
        assert guess is None or (guess.params, guess.sure) == ({"root": str(root)}, 3)
        assert detect(Clues()) is None


@pytest.mark.parametrize(
    ("tree", "name"), [("gqa", "gqa"), ("vqa", "vqa-v2"), ("vizwiz", "vizwiz-vqa-grounding")]
)
def test_a_person_writes_the_spec(tree: str, name: str, request: pytest.FixtureRequest) -> None:
    root: Path = request.getfixturevalue(tree)
    with pytest.raises(RatevalError, match=rf"which {name} reads; rateval init writes studies of"):
        make_draft(discover(), "rateval init", data=root)
