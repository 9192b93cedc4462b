"""A root one folder too deep, or one too shallow, is told where the dataset is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rateval.api import Context, RatevalError
from rateval_datasets.public.caltech101 import make_caltech101
from rateval_datasets.public.cub200 import make_cub200
from rateval_datasets.public.params import Caltech101Params, Cub200Params, StanfordDogsParams
from rateval_datasets.public.stanford_dogs import make_stanford_dogs

MAKE: dict[str, Callable[[Path], Any]] = {
    "caltech": lambda root: make_caltech101(
        Caltech101Params(root=root, train_per_class=1), Context()
    ),
    "cub": lambda root: make_cub200(Cub200Params(root=root), Context()),
    "dogs": lambda root: make_stanford_dogs(StanfordDogsParams(root=root), Context()),
}


def refusal(name: str, root: Path) -> str:
    with pytest.raises(RatevalError) as caught:
        MAKE[name](root)
    return str(caught.value)


@pytest.mark.parametrize(
    ("name", "inner"),
    [
        ("caltech", "101_ObjectCategories"),
        ("caltech", "Annotations"),
        ("caltech", "101_ObjectCategories/Faces"),
        ("cub", "CUB_200_2011"),
        ("cub", "CUB_200_2011/images"),
        ("cub", "segmentations"),
        ("dogs", "Images"),
        ("dogs", "Annotation"),
    ],
)
def test_too_deep(name: str, inner: str, request: pytest.FixtureRequest) -> None:
    root: Path = request.getfixturevalue(name)
    said = refusal(name, root / inner)
    wanted = f"{root / inner} lies inside the dataset: give the folder above, {root}, which holds"
    assert wanted in said


@pytest.mark.parametrize("name", MAKE)
@pytest.mark.parametrize("levels", [1, 2])
def test_too_shallow(name: str, levels: int, request: pytest.FixtureRequest) -> None:
    root: Path = request.getfixturevalue(name)
    given = root.parents[levels - 1] if levels == 1 else root.parent / "data"
    if levels == 2:
        (given / "sets").mkdir(parents=True)
        root = root.rename(given / "sets" / root.name)
    said = refusal(name, given)
    assert f"{given} lies above the dataset: give the folder below, {root}, which holds" in said


@pytest.mark.parametrize("name", MAKE)
def test_the_folder_that_is_told_is_right(name: str, request: pytest.FixtureRequest) -> None:
    root: Path = request.getfixturevalue(name)
    told = refusal(name, root.parent).split("give the folder below, ")[1].split(", which holds")[0]
    MAKE[name](Path(told))


def test_a_relative_path_stays_relative(cub: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(cub.parent)
    said = refusal("cub", Path("cub/CUB_200_2011/images"))
    assert "give the folder above, cub, which" in said
    monkeypatch.chdir(cub / "CUB_200_2011")
    assert f"give the folder above, {cub}, which" in refusal("cub", Path())


def test_segmentations_inside_are_no_reason_to_go_up(cub: Path) -> None:
    (cub / "segmentations").rename(cub / "CUB_200_2011" / "segmentations")
    assert len(MAKE["cub"](cub / "CUB_200_2011").test) == 3


@pytest.mark.parametrize("name", MAKE)
def test_elsewhere_only_the_layout_is_told(name: str, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for given in (tmp_path / "empty", tmp_path / "absent"):
        said = refusal(name, given)
        assert "its folder must hold" in said
        assert "give the folder" not in said
