"""ImageNet and ImageNet-C are recognised; the latter lacks the former."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from rateval.drafting.draft import make_draft
from rateval.errors import RatevalError
from rateval.registry.discovery import discover


def test_kaggle(kaggle: Path) -> None:
    draft = make_draft(discover(), "rateval init", data=kaggle)
    assert tomllib.loads(draft.text)["dataset"] == [{"use": "imagenet", "root": str(kaggle)}]


def test_imagenet_c_lacks_imagenet(imagenet_c: Path) -> None:
    with pytest.raises(RatevalError, match="ImageNet's own folder, which says its classes"):
        make_draft(discover(), "rateval init", data=imagenet_c)


def test_few_of_its_classes_are_class_folders(folders: Path) -> None:
    draft = make_draft(discover(), "rateval init", data=folders / "val")
    assert tomllib.loads(draft.text)["dataset"][0]["use"] == "folder"
    assert "the words of prompts" in draft.text
