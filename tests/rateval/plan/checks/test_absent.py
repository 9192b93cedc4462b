"""Every path of a spec is looked for before anything starts."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from pydantic import Field

import rateval
from rateval.api import Params
from rateval.errors import SpecError
from rateval.plan.checks.absent import explain_absent
from rateval.plan.plan import Plan
from rateval.plan.planning import make_plan
from rateval.registry.discovery import discover
from rateval.spec.document import Document


class Inner(Params):
    file: Path


class ManyParams(Params):
    one: Path
    several: tuple[Path, ...] = ()
    table: dict[str, Path | float] = Field(default_factory=dict)
    inner: Inner | None = None
    text: str = "no/path"


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("data/photos/cat").mkdir(parents=True)
    Path("data/weights.pt").touch()


def plan(**tables: Any) -> Plan:
    spec = {
        "study": {"name": "s"},
        "dataset": [{"use": "shapes"}],
        "model": [{"use": "clip"}],
        "finetune": [{"use": "zs"}],
    } | tables
    return make_plan(Document("s", spec, ""), discover(third_party=False))


def problems(**tables: Any) -> list[str]:
    with pytest.raises(SpecError) as caught:
        plan(**tables)
    return list(map(str, caught.value.problems))


def test_all_values_of_the_type_are_looked_for_wherever_they_stand() -> None:
    params = ManyParams(
        one=Path("a"),
        several=(Path("b"), Path("c")),
        table={"d": Path("d"), "half": 0.5},
        inner=Inner(file=Path("e")),
    )
    assert params.on_disk() == {
        ("one",): Path("a"),
        ("several", 0): Path("b"),
        ("several", 1): Path("c"),
        ("table", "d"): Path("d"),
        ("inner", "file"): Path("e"),
    }


def test_what_is_there_is_no_problem() -> None:
    assert plan(
        dataset=[{"use": "folder", "root": "data/photos"}],
        finetune=[{"use": "checkpoint", "path": "data/weights.pt"}],
    ).cells


def test_all_of_them_come_at_once_and_with_whatever_else_is_wrong() -> None:
    found = problems(
        dataset=[
            {"use": "folder", "root": "data/phots", "split": {"test": "data/test.txt"}},
            {"use": "cub200", "root": "nope"},
        ],
        model=[{"use": "clip", "pretraind": "x"}],
        finetune=[{"use": "checkpoint", "path": "data/weight.pt", "head": "/nowhere/h.pt"}],
    )
    assert sorted(found) == [
        's: dataset[0].root = "data/phots": no such file or folder; did you mean "data/photos"?',
        's: dataset[0].split.test = "data/test.txt": no such file or folder; paths start from the '
        f"current folder, {Path.cwd()}; give one that is there; see rateval show dataset folder",
        's: dataset[1].root = "nope": no such file or folder; paths start from the current folder, '
        f"{Path.cwd()}; give one that is there; see rateval show dataset cub200",
        's: finetune[0].head = "/nowhere/h.pt": no such file or folder: there is no /nowhere; give '
        "one that is there; see rateval show finetuner checkpoint",
        's: finetune[0].path = "data/weight.pt": no such file or folder; did you mean '
        '"data/weights.pt"?',
        's: model[0].pretraind: unknown key; did you mean "pretrained"?',
    ]


def test_run_looks_before_it_starts() -> None:
    with pytest.raises(SpecError, match=r'dataset\[0\]\.root = "nope": no such file'):
        rateval.run(
            {
                "study": {"name": "s"},
                "dataset": [{"use": "folder", "root": "nope"}],
                "model": [{"use": "clip"}],
                "finetune": [{"use": "zs"}],
            }
        )
    assert not Path("runs").exists()


def test_what_is_made_later_needn_t_be_there() -> None:
    huggingface = {"use": "huggingface", "root": "data/photos", "cache": "not/yet"}
    (dataset,) = plan(dataset=[huggingface]).datasets
    assert dataset.params.on_disk() == {("root",): Path("data/photos")}
    (gone,) = problems(dataset=[huggingface | {"root": "gone"}])
    assert gone.startswith('s: dataset[0].root = "gone": ')


def test_maps_are_looked_for_cell_by_cell() -> None:
    Path("maps").mkdir()
    for model in ("one", "two"):
        Path(f"maps/{model}.npz").touch()
    models = [{"use": "clip", "name": name} for name in ("one", "two", "three")]
    attribution = {"use": "precomputed", "path": "maps/{model}.npz"}
    assert plan(model=models[:2], attribution=[attribution]).cells
    (found,) = problems(model=models, attribution=[attribution])
    assert found == (
        's: attribution[0].path = "maps/{model}.npz": no such file or folder: maps/three.npz; '
        "cells need their own; see rateval show attribution precomputed"
    )
    (found,) = problems(attribution=[attribution | {"path": "map/one.npz"}])
    assert found.endswith('no such file or folder; did you mean "maps/one.npz"?')


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("data", ""),
        ("data/photos/../weights.pt", ""),
        ("~", ""),
        ("data/Photos/cat", 'no such file or folder; did you mean "data/photos/cat"?'),
        ("dta/photos", 'no such file or folder; did you mean "data/photos"?'),
        ("dta/dogs", 'no such file or folder; did you mean "data"?'),
        ("data/weights.pt/x", "no such file or folder: data/weights.pt is no folder"),
        ("link", "no such file or folder: link is a link to gone, which isn't there"),
        ("here.toml", 'paths start from the current folder: write "study/here.toml", as it is'),
        ("far/away/x", "no such file or folder: there is no far; paths start from the current"),
        ("~nobody-here/x", "cannot be looked at: "),
        ("x" * 300, "cannot be looked at: File name too long"),
    ],
)
def test_why(path: str, why: str) -> None:
    Path("link").symlink_to("gone")
    Path("study").mkdir()
    Path("study/here.toml").touch()
    found = explain_absent(Path(path), Path("study"))
    assert why in found
    assert bool(why) == bool(found)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may look everywhere")
def test_a_folder_that_may_not_be_looked_into() -> None:
    Path("data").chmod(0)
    try:
        found = explain_absent(Path("data/photos"), Path())
    finally:
        Path("data").chmod(0o700)
    assert found == "cannot be looked at: Permission denied"


def test_a_plugin_may_say_what_must_be_there() -> None:
    class Later(ManyParams):
        def on_disk(self) -> Mapping[tuple[str | int, ...], Path]:
            """Return a path that is text, and leave out one that is made later."""
            return {("text",): Path(self.text)}

    assert list(Later(one=Path("a")).on_disk()) == [("text",)]


@pytest.mark.parametrize(
    ("root", "told"),
    [
        ("s4://bucket/photos", "is of a kind that is not known here; URLs begin with s3://"),
        ("s3://", 'names no folder; write "s3://bucket/folder"'),
        ("mem:photos", "no such file or folder; paths start from the current folder"),
    ],
)
def test_what_was_meant_as_a_url_is_told_so(root: str, told: str) -> None:
    [problem] = problems(dataset=[{"use": "folder", "root": root}])
    assert problem.startswith(f's: dataset[0].root = "{root}": {told}')


def test_a_folder_that_follows_from_what_is_not_there_is_no_problem_of_its_own() -> None:
    url = Path("nowhere/table.csv").absolute().as_uri()
    [problem] = problems(dataset=[{"use": "table", "file": url}])
    assert problem.startswith("s: dataset[0].file = ") and "no such file or folder" in problem
    both = problems(dataset=[{"use": "table", "file": url, "root": "nophotos"}])
    assert [one.partition(" = ")[0] for one in both] == ["s: dataset[0].file", "s: dataset[0].root"]
