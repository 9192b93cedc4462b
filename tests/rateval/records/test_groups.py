"""Groups in run.json: columns that say all that the record does."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

import rateval
from rateval.json_file import format_json, join_lists
from rateval.records.format import FORMAT
from rateval.records.scores.estimate import Estimate, estimate_share, spread
from rateval.records.scores.groups import GroupRecord, SliceRecord


def _group(*scores: Estimate) -> GroupRecord:
    values = [*(f"camera {at}" for at in range(len(scores) - 1)), None]
    slices = [
        SliceRecord(value=value, count=10 + at, score=score)
        for at, (value, score) in enumerate(zip(values, scores, strict=True))
    ]
    return GroupRecord(name="camera", distinct=len(values) - 1, slices=tuple(slices))


SHARES = _group(estimate_share(3, 7), estimate_share(0, 0), estimate_share(12, 12))
OVER_SEEDS = _group(spread([0.25, None, 0.5]), spread([None, None, None]))
OF_ANOTHER_INTERVAL = _group(estimate_share(3, 7).model_copy(update={"low": 0.0}))


@pytest.mark.parametrize("group", [SHARES, OVER_SEEDS, OF_ANOTHER_INTERVAL, _group(spread([1.0]))])
def test_what_is_written_is_read_again(group: GroupRecord) -> None:
    assert GroupRecord.model_validate_json(group.model_dump_json()) == group
    by_hand = json.loads(join_lists(format_json(group.model_dump(mode="json"))))
    assert GroupRecord.model_validate(by_hand) == group


def test_groups_without_slices() -> None:
    group = GroupRecord(name="patient", distinct=60, slices=())
    assert GroupRecord.model_validate_json(group.model_dump_json()) == group


def test_a_share_is_written_as_its_counts() -> None:
    assert SHARES.model_dump(mode="json") == {
        "name": "camera",
        "distinct": 2,
        "slices": {
            "value": ["camera 0", "camera 1", None],
            "count": [10, 11, 12],
            "score": {"numerator": [3, 0, 12], "denominator": [7, 0, 12]},
        },
    }
    of_another = OF_ANOTHER_INTERVAL.model_dump(mode="json")["slices"]["score"]
    assert of_another["low"] == [0]


def test_fifty_values_take_a_few_lines_of_the_file() -> None:
    group = _group(*(estimate_share(at, 60) for at in range(50)))
    written = join_lists(format_json(group.model_dump(mode="json")))
    assert written.count("\n") == 12
    assert len(written) < len(format_json(group.model_dump())) / 10


@pytest.mark.parametrize(
    "spoilt",
    [
        {"value": ["a"], "count": [1, 2], "score": {"numerator": [1], "denominator": [2]}},
        {"value": ["a"], "count": [1], "score": {"numerator": [1, 1], "denominator": [2]}},
        {"value": ["a"], "count": [1], "score": {"numerator": [3], "denominator": [2]}},
        {"value": ["a"], "count": [1], "score": {"numerator": [10**400], "denominator": [1]}},
        {"value": ["a"], "count": [1], "score": {"numerator": ["x"], "denominator": [2]}},
        {"value": ["a"], "count": [1], "score": {"numerator": [1]}},
        {"value": ["a"], "count": [1], "score": 3},
        {"value": ["a"], "count": [1]},
        {},
        "text",
    ],
)
def test_columns_that_are_none_are_refused(spoilt: Any) -> None:
    with pytest.raises(ValidationError):
        GroupRecord.model_validate({"name": "camera", "distinct": 1, "slices": spoilt})


def test_the_format_before_is_read_and_written_as_this_one(tmp_path: Path, acme: Path) -> None:
    spec = {
        "study": {"name": "tiny"},
        "dataset": [{"use": "squares"}],
        "model": [{"use": "tiny"}],
        "finetune": [{"use": "zs"}],
        "run": {"device": "cpu", "output": str(tmp_path)},
    }
    record = rateval.run(spec)
    content = record.model_dump() | {"format": 4}  # groups as tables, as it had them
    content["cells"][0]["evidence"][0]["scores"][0]["groups"] = [SHARES.model_dump()]
    old = tmp_path / "old"
    old.mkdir()
    (old / "run.json").write_text(json.dumps(content))
    read = rateval.load(old)
    assert read.cells[0].evidence[0].scores[0].groups == (SHARES,)
    read.save(tmp_path / "new")
    again = rateval.load(tmp_path / "new")
    assert json.loads((tmp_path / "new" / "run.json").read_text())["format"] == FORMAT
    assert again.cells == read.cells
