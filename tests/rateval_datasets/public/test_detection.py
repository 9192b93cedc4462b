"""Public datasets are recognised by how their archives unpack."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from rateval.drafting.draft import make_draft
from rateval.errors import RatevalError
from rateval.modelkit import Clues
from rateval.registry.discovery import discover
from rateval_datasets.detection.public import detect_caltech101


@pytest.mark.parametrize(
    ("tree", "name"),
    [("cub", "cub200"), ("dogs", "stanford-dogs")],
)
def test_public_layouts(tree: str, name: str, request: pytest.FixtureRequest) -> None:
    root: Path = request.getfixturevalue(tree)
    draft = make_draft(discover(), "rateval init", data=root)
    assert tomllib.loads(draft.text)["dataset"] == [{"use": name, "root": str(root)}]


def test_caltech_is_known_by_its_folder(caltech: Path) -> None:
    guess = detect_caltech101(Clues(data=caltech))
    assert guess is not None
    assert (guess.params, guess.sure) == ({"root": str(caltech)}, 3)
    # Made of three images, it has none to test on, as its reader says.
    with pytest.raises(RatevalError, match="caltech101: train_per_class = 30 leaves no test image"):
        make_draft(discover(), "rateval init", data=caltech)


def test_the_inner_folder_of_cub_leads_to_its_root(cub: Path) -> None:
    draft = make_draft(discover(), "rateval init", data=cub / "CUB_200_2011")
    assert tomllib.loads(draft.text)["dataset"] == [{"use": "cub200", "root": str(cub)}]


def test_what_is_missing_of_one_is_said_as_its_reader_says_it(dogs: Path) -> None:
    (dogs / "test_list.mat").unlink()
    with pytest.raises(RatevalError, match=r"stanford-dogs: no such file: .*test_list\.mat"):
        make_draft(discover(), "rateval init", data=dogs)
