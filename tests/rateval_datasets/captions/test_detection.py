"""Public datasets of captions are recognised by the names of their files."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from rateval.drafting.draft import make_draft
from rateval.modelkit import Clues
from rateval.registry.discovery import discover
from rateval_datasets.detection.captions import detect_coco_captions, detect_flickr30k_entities


def test_each_knows_its_own_and_no_other(coco: Path, flickr: Path) -> None:
    guess = detect_flickr30k_entities(Clues(data=flickr))
    assert guess is not None
    assert (guess.params, guess.sure) == ({"root": str(flickr)}, 3)
    assert detect_flickr30k_entities(Clues(data=coco)) is None
    assert detect_coco_captions(Clues(data=flickr)) is None
    assert detect_coco_captions(Clues()) is None
    beside = detect_coco_captions(Clues(data=coco))
    assert beside is not None
    assert beside.sure == 2, "the reader of the instances is surer"


def test_a_study_is_drafted(coco: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rateval_datasets.detection.coco.detect_coco", lambda clues: None)
    spec = tomllib.loads(make_draft(discover(), "rateval init", data=coco).text)
    assert spec["dataset"] == [{"use": "coco-captions", "root": str(coco)}]
    assert spec["model"] == [{"use": "blip-caption"}]
    assert [one["use"] for one in spec["metric"]] == ["accuracy", "pt", "ir"]
    assert "task" not in spec
