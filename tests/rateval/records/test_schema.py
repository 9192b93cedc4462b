"""The JSON Schema among the documents is that of the records, and real runs keep to it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest

import rateval
from rateval.json_file import format_json, join_lists
from rateval.records.format import FORMAT
from rateval.records.schema import NAME, run_schema

DOCUMENT = Path(__file__).parents[3] / "docs" / "schema" / NAME


def test_the_document_is_current() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    assert text == join_lists(format_json(run_schema())), "run python scripts/write_schema.py"
    jsonschema.Draft202012Validator.check_schema(json.loads(text))
    page = (DOCUMENT.parents[1] / "store.md").read_text(encoding="utf-8")
    assert set(re.findall(r"run-\d+\.json", page)) == {NAME}


def test_a_real_run_keeps_to_it_and_a_changed_one_does_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, acme: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    spec: dict[str, Any] = {
        "study": {"name": "tiny", "seeds": [0, 1]},
        "dataset": [{"use": "shapes", "test_size": 6, "train_size": 20}],
        "model": [{"use": "tiny"}],
        "finetune": [{"use": "zs"}, {"use": "lp", "epochs": 1}],
        "faithfulness": {"images": 2},
        "run": {"device": "cpu"},
    }
    record = rateval.run(spec)
    content = json.loads((record.path / "run.json").read_text())
    validator = jsonschema.Draft202012Validator(run_schema())
    assert [error.message for error in validator.iter_errors(content)] == []
    assert content["format"] == FORMAT and content["over_seeds"] and content["comparisons"]
    for changed in (
        content | {"format": FORMAT + 1},
        content | {"unknown": 1},
        content | {"cells": [{}]},
        {name: value for name, value in content.items() if name != "study"},
    ):
        assert list(validator.iter_errors(changed))


def test_every_key_is_described_or_named_by_itself() -> None:
    properties = run_schema()["properties"]
    assert {"seeds", "cells", "comparisons", "pictures"} <= properties.keys()
    assert "described" not in properties
    assert properties["cells"]["description"].startswith("Those that were inferred")
