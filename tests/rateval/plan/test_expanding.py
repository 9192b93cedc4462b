from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from pydantic import Field

from rateval.errors import SpecError
from rateval.plan.expanding import takes_one
from rateval.plan.plan import Plan
from rateval.plan.planning import make_plan
from rateval.records.shift import ShiftKey
from rateval.registry.discovery import discover
from rateval.spec.document import Document

pytestmark = pytest.mark.usefixtures("acme")


def plan(*shift: dict[str, Any], text: str = "", **run: Any) -> Plan:
    data = {
        "study": {"name": "grid"},
        "dataset": [{"use": "squares"}],
        "model": [{"use": "tiny"}],
        "finetune": [{"use": "zs"}, {"use": "lp"}],
        "shift": list(shift),
        "run": run,
    }
    return make_plan(Document("spec.toml", data, text), discover())


def haze(**params: Any) -> dict[str, Any]:
    return {"use": "haze"} | params


def problems(*shift: dict[str, Any], **run: Any) -> list[str]:
    with pytest.raises(SpecError) as caught:
        plan(*shift, **run)
    return [str(problem) for problem in caught.value.problems]


def test_lists_are_a_grid_with_the_type_slowest() -> None:
    found = plan(haze(name="c", type=["white", "grey"], severity=[5, 1]))
    keys = [cell.key.shift for cell in found.cells if cell.finetuner.label == "lp"]
    wanted = [("white", 5), ("white", 1), ("grey", 5), ("grey", 1)]
    made = [ShiftKey(family="c", type=kind, severity=severity) for kind, severity in wanted]
    assert keys == [None, *made]
    assert [choice.label for choice in found.choices["shift"]] == [one.text for one in made]
    for choice, (kind, severity) in zip(found.choices["shift"], wanted, strict=True):
        dumped = choice.params.model_dump()
        assert (dumped["type"], dumped["severity"]) == (kind, severity)


@pytest.mark.parametrize(
    ("params", "names"),
    [
        ({}, ["haze grey 1"]),
        ({"severity": 2}, ["haze grey 2"]),
        ({"severity": [2, 4]}, ["haze grey 2", "haze grey 4"]),
        ({"type": ["white"], "severity": 2}, ["haze white 2"]),
    ],
)
def test_what_no_list_is_given_for_is_one_value(params: dict[str, Any], names: list[str]) -> None:
    assert [choice.label for choice in plan(haze(**params)).choices["shift"]] == names


def test_a_shift_without_type_and_severity_is_its_family() -> None:
    (choice,) = plan({"use": "darken", "name": "night"}).choices["shift"]
    assert choice.shift == ShiftKey(family="night")
    assert choice.label == "night"


def test_a_grid_is_as_identical_as_its_shifts_alone() -> None:
    grid = plan(haze(type=["grey", "white"], severity=[1, 3])).choices["shift"]
    alone = [
        plan(haze(name="other", type=kind, severity=severity)).choices["shift"][0]
        for kind in ("grey", "white")
        for severity in (1, 3)
    ]
    assert [choice.identity for choice in grid] == [choice.identity for choice in alone]
    assert len({choice.identity for choice in grid}) == 4


@pytest.mark.parametrize(
    ("params", "told"),
    [
        (
            {"severity": []},
            "severity = []: is empty, and would leave no shift; give it a severity, or leave the "
            "entry out",
        ),
        (
            {"severity": [1, 3, 1]},
            "severity = [1, 3, 1]: names 1 more than once; name each severity once",
        ),
        (
            {"severity": [1, 1.0]},
            "severity = [1, 1.0]: names 1.0 more than once; name each severity once",
        ),
        (
            {"type": ["grey", "grey"]},
            'type = ["grey", "grey"]: names "grey" more than once; name each type once',
        ),
        (
            {"type": ["grey", "white"], "severity": [1, 9]},
            "severity[1] = 9: must be less than or equal to 5 (How dense it is); see rateval show "
            "shift haze",
        ),
        (
            {"type": ["grey", "blue"]},
            "type[1] = \"blue\": must be 'grey' or 'white' (Colour of the haze); see rateval show "
            "shift haze",
        ),
        (
            {"severity": [1, "3"]},
            'severity[1] = "3": must be a valid integer (How dense it is); write it without '
            "quotes: 3; see rateval show shift haze",
        ),
        (
            {"severity": [True]},
            "severity[0] = true: must be a valid integer (How dense it is); see rateval show shift "
            "haze",
        ),
        (
            {"severity": [[1]]},
            "severity[0] = [1]: must be a valid integer (How dense it is); see rateval show shift "
            "haze",
        ),
    ],
)
def test_odd_lists_are_told_once_where_they_stand(params: dict[str, Any], told: str) -> None:
    assert problems(haze(**params)) == [f"spec.toml: shift[0].{told}"]


def test_other_params_take_no_lists_and_are_told_once() -> None:
    (told,) = problems(haze(severity=[1, 2], evidence=["a"]))
    assert told.startswith('spec.toml: shift[0].evidence = ["a"]: must be a valid boolean')


def test_a_grid_larger_than_any_study_is_refused_before_it_is_made() -> None:
    asked = haze(severity=list(range(20_000)))
    (told,) = problems(asked)
    assert told == (
        "spec.toml: shift[0]: stands for 20,000 shifts, more than a study has cells "
        "(run.max_cells = 10,000); leave some out, or allow as many with --set max_cells=20000"
    )
    (told,) = problems(haze(severity=[1, 2, 3]), max_cells=5)
    assert told.startswith("spec.toml: run.max_cells = 5: the study has 8 cells = ")
    assert "4 shift (none included)" in told


@pytest.mark.parametrize("name", ["haze grey 3", "haze grey\u00a03"])
def test_names_of_shifts_stay_unique(name: str) -> None:
    (told,) = problems(haze(severity=[1, 3]), {"use": "darken", "name": name})
    assert told.startswith("spec.toml: shift[1]: ")
    assert "give one of them another `name`" in told


def test_two_entries_of_one_family_are_told_once() -> None:
    (told,) = problems(haze(severity=[1, 3]), haze(severity=[3, 5]))
    assert told == (
        'spec.toml: shift[1].name: "haze" names an earlier shift too; give each its own `name`'
    )


def test_a_family_may_not_be_another_ones_shift() -> None:
    (told,) = problems(haze(severity=[1, 3]), haze(name="haze grey 3"))
    assert told == (
        'spec.toml: shift[1]: its shift "haze grey 3" has the name of an earlier one; give one of '
        "them another `name`"
    )


def test_a_type_of_a_file_is_part_of_a_name_and_must_read_like_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    source = """
from rateval.api import Params

class Plain(Params):
    type: str = "plain"
    severity: float = 1.0

class Mixed(Params):
    type: list[str] = []
    severity: str = "low"

class Same:
    def apply(self, sample):
        return sample

def same(params: Plain) -> Same:
    return Same()

def mixed(params: Mixed) -> Same:
    return Same()
"""
    Path("mine.py").write_text(source, encoding="utf-8")
    found = plan({"use": "./mine.py:same", "type": ["a", "b"], "severity": [0.5, 2]})
    names = [choice.label for choice in found.choices["shift"]]
    assert names == ["same a 0.5", "same a 2", "same b 0.5", "same b 2"]
    (told,) = problems({"use": "./mine.py:same", "type": ["a", "b\n"]})
    assert told == (
        'spec.toml: shift[0].type[1] = "b\\n": is part of the shift\'s name, and must hold no '
        "control characters (U+000A)"
    )
    (told,) = problems({"use": "./mine.py:same", "type": "t" * 81})
    assert "must have at most 80 characters" in told
    (told,) = problems({"use": "./mine.py:same", "type": ["a", " "]})
    assert told.startswith('spec.toml: shift[0].type[1] = " ": a list of type holds texts')
    # What takes a list itself is given it whole, and is no part of the name.
    (choice,) = plan({"use": "./mine.py:mixed", "type": ["a", "b"]}).choices["shift"]
    assert choice.shift == ShiftKey(family="mixed")
    told, other = problems({"use": "./mine.py:mixed", "severity": ["low", "high"]})
    assert told.startswith('spec.toml: shift[0].severity[0] = "low": a list of severity holds')
    assert other.startswith('spec.toml: shift[0].severity[1] = "high": a list of severity holds')


def test_lists_of_other_kinds_are_no_grids() -> None:
    document = Document(
        "spec.toml",
        {
            "study": {"name": "grid"},
            "dataset": [{"use": "squares", "type": ["a"]}],
            "model": [{"use": "tiny"}],
            "finetune": [{"use": "zs"}],
        },
        "",
    )
    with pytest.raises(SpecError, match=r"dataset\[0\]\.type: unknown key; "):
        make_plan(document, discover())


class Level(Enum):
    LOW = 1


@pytest.mark.parametrize(
    ("annotation", "one"),
    [
        (int, True),
        (str, True),
        (float | None, True),
        (Annotated[int, Field(ge=1)] | float, True),
        (Literal["a", "b"], True),
        (Level, True),
        (Path, True),
        (list[int], False),
        (tuple[int, ...], False),
        (int | list[int], False),
        (Annotated[list[str], Field(min_length=1)], False),
        (set[int], False),
        (dict[str, int], False),
        (Any, False),
        (object, False),
    ],
)
def test_fields_that_take_one_value(annotation: Any, one: bool) -> None:
    assert takes_one(annotation) is one
