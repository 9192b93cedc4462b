"""Public captions in a study: a model that always says the same is right where that is there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import rateval

RIGHT: dict[str, dict[str, tuple[bool, bool]]] = {
    "coco-captions": {
        "139#dog": (True, True),
        "139#person": (True, True),
        "285#dog": (False, False),
        "285#person": (True, True),
        "632#dog": (False, False),
        "632#person": (False, False),
    },
    "flickr30k-entities": {
        "101#dog": (False, False),
        "101#man": (True, True),
        "102#dog": (True, True),
        "102#man": (False, False),
        "103#dog": (False, False),
        "103#man": (True, False),
        "104#dog": (False, False),
        "104#man": (False, False),
    },
}
"""For each unit whether it is there, and whether it is known where."""


@pytest.mark.parametrize(
    ("tree", "name"), [("coco", "coco-captions"), ("flickr", "flickr30k-entities")]
)
def test_captions_are_judged(
    tree: str,
    name: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    acme: Path,
    request: pytest.FixtureRequest,
) -> None:
    root: Path = request.getfixturevalue(tree)
    monkeypatch.chdir(tmp_path)
    least = {"least": 1} if tree == "flickr" else {}
    spec: dict[str, Any] = {
        "study": {"name": "captions"},
        "dataset": [{"use": name, "root": str(root), **least}],
        "model": [{"use": "writer", "says": "A dog beside some men"}],
        "finetune": [{"use": "zs"}],
        "attribution": [{"use": "random"}],
        "run": {"device": "cpu"},
    }
    record = rateval.run(spec)
    assert record.status == "finished", [failure.error for failure in record.failures]
    rows = record.rows(record.cells[0]).to_pylist()
    found = {row["id"]: (row["correct"], row["mask_area"] is not None) for row in rows}
    assert found == RIGHT[name]
