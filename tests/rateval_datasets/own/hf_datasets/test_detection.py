"""A saved table is recognised with its columns."""

from __future__ import annotations

import tomllib
from pathlib import Path

from rateval.drafting.draft import make_draft
from rateval.registry.discovery import discover


def test_a_saved_table(saved: Path) -> None:
    draft = make_draft(discover(), "rateval init", data=saved)
    (dataset,) = tomllib.loads(draft.text)["dataset"]
    assert dataset["use"] == "huggingface"
    assert (dataset["image"], dataset["label"], dataset["mask"]) == ("image", "label", "mask")
    assert "2 classes: mug, kettle" in draft.text
