from __future__ import annotations

import json
from pathlib import Path

import pytest
from pydantic import ValidationError

import rateval
from rateval.records.key import Key
from rateval.records.shift import ShiftKey


def key(shift: object) -> Key:
    return Key.model_validate(
        {"dataset": "d", "model": "m", "finetuner": "f", "attribution": "a", "shift": shift}
    )


def test_shifts_are_ordered_by_the_size_of_their_severity() -> None:
    shifts = [
        ShiftKey(family=family, type=kind, severity=severity)
        for family in ("corruption", "blur")
        for kind in (None, "snow", "fog")
        for severity in (10, 2, None, 0.5)
    ]
    found = [(one.family, one.type, one.severity) for one in sorted(shifts)]
    levels = (None, 0.5, 2, 10)
    assert found == [
        (family, kind, severity)
        for family in ("blur", "corruption")
        for kind in (None, "fog", "snow")
        for severity in levels
    ]


def test_equal_shifts_are_one_whole_numbers_included() -> None:
    one, other = (ShiftKey(family="c", type="fog", severity=value) for value in (3, 3.0))
    assert one == other
    assert len({one, other}) == 1
    assert one.text == other.text == str(one) == "c fog 3"
    assert json.loads(other.model_dump_json()) == {"family": "c", "type": "fog", "severity": 3}
    assert ShiftKey(family="c", severity=0).text == "c 0"


@pytest.mark.parametrize("severity", [float("nan"), float("inf")])
def test_what_json_cannot_hold_is_no_severity(severity: float) -> None:
    with pytest.raises(ValidationError):
        ShiftKey(family="c", severity=severity)


def test_text_of_an_older_record_is_the_family() -> None:
    assert key("fog-3").shift == ShiftKey(family="fog-3")
    assert key(None).shift is None
    fog = ShiftKey(family="corruption", type="fog", severity=3)
    assert Key.model_validate_json(key(fog).model_dump_json()) == key(fog)
    assert key(fog).text() == "m · f on d, corruption fog 3"
    assert key(fog).test == ("d", "m", fog, "a")
    assert key(fog) != key(fog.model_copy(update={"severity": 5}))


@pytest.mark.usefixtures("acme")
def test_a_run_of_the_format_before_is_read_with_its_shift(tmp_path: Path) -> None:
    record = rateval.run(
        {
            "study": {"name": "tiny"},
            "dataset": [{"use": "squares"}],
            "model": [{"use": "tiny"}],
            "finetune": [{"use": "zs"}],
            "shift": [{"use": "darken"}],
            "report": {"pictures": 4},
            "run": {"device": "cpu", "output": str(tmp_path)},
        }
    )
    content = json.loads((record.path / "run.json").read_text(encoding="utf-8"))
    assert content["format"] == 6
    new = json.dumps({"family": "darken", "type": None, "severity": None})
    before = content | {"format": 5, "shifts": [], "shift_orders": []}
    old = json.dumps(before).replace(new, '"darken"')
    assert old.count('"shift": "darken"') >= 3
    assert "family" not in old
    (record.path / "run.json").write_text(old, encoding="utf-8")
    read = rateval.load(record.path)
    known = record.model_copy(update={"shifts": (), "shift_orders": ()})
    assert read.model_copy(update={"format": 6}) == known
