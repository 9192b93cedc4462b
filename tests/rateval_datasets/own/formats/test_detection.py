"""What an annotation tool exported is recognised by its files, and a spec for it is valid."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from rateval.drafting.draft import make_draft
from rateval.errors import RatevalError
from rateval.modelkit import Clues
from rateval.registry.discovery import discover
from rateval_datasets.detection.formats import detect_datumaro

FORMS = ["voc", "yolo", "cvat", "label_me", "datumaro", "open_images"]


@pytest.mark.parametrize("form", FORMS)
def test_formats(tmp_path: Path, forms: Any, form: str) -> None:
    kinds = ["box"] if form in ("yolo", "open_images") else ["polygon"]
    kinds = ["mask", "label"] if form == "voc" else kinds
    root = forms.export(tmp_path, form, kinds)
    draft = make_draft(discover(), "rateval init", data=root)
    assert tomllib.loads(draft.text)["dataset"] == [
        {"use": "datumaro", "root": str(root), "format": form}
    ]
    assert "2 classes: kettle, mug" in draft.text
    assert "3 photos to test on, 2 to train on" in draft.text


def test_cocos_instances_are_left_to_the_reader_of_coco_files(tmp_path: Path, forms: Any) -> None:
    root = forms.export(tmp_path, "coco_instances", ["polygon"])
    assert detect_datumaro(Clues(data=root)) is None
    draft = make_draft(discover(), "rateval init", data=root)
    (dataset,) = tomllib.loads(draft.text)["dataset"]
    assert dataset["use"] == "coco"
    assert "of two readers, coco and datumaro's coco_instances, the first is taken" in " ".join(
        fact for _, facts in draft.found for fact in facts
    )
    assert "2 classes: kettle, mug" in draft.text
    assert "3 photos to test on, 2 to train on" in draft.text


def test_photos_in_class_folders_are_none_of_them(tmp_path: Path) -> None:
    (tmp_path / "mug").mkdir()
    (tmp_path / "mug" / "a.xml").write_text("<annotations><nothing/></annotations>")
    assert detect_datumaro(Clues(data=tmp_path)) is None


def test_without_datumaro_the_extra_is_named(
    tmp_path: Path, forms: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = forms.export(tmp_path, "cvat", ["polygon"])
    monkeypatch.setattr("rateval.registry.catalogue._is_there", lambda module: module != "datumaro")
    monkeypatch.setattr("rateval.registry.catalogue._brings_nothing", lambda *given: False)
    with pytest.raises(RatevalError, match="format cvat, which datumaro reads; needs datumaro"):
        make_draft(discover(), "rateval init", data=root)
