"""Configs, tokenizers and weights of models damaged: refused by name, or a model all the same."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import strategies as st

from faults.command import Commands
from faults.damage import ALL, damage, edit_json, files_in
from faults.explore import Case
from faults.models import (
    CHANGES,
    MODELS,
    MODULES,
    MUST_FAIL,
    NAMES,
    PICKLED,
    edit_header,
    rewrite,
    table_of,
)
from faults.studies import trying
from faults.values import HOWS, ODD, as_toml
from faults.verdict import FaultError, require_good_end, require_told_failures

COUNT = st.integers(0, 9999)
HOW = st.sampled_from(("set", "set", *HOWS))
WEIGHTS = ("*.safetensors", "*.pt", "*.pth", "*.bin")
TENSORS = sorted(CHANGES.keys() | PICKLED.keys() | set(NAMES))
CASES = st.fixed_dictionaries(
    {
        "model": st.sampled_from(MODELS),
        "command": st.sampled_from(["run", "check"]),
        "file": COUNT,
        "damage": st.one_of(
            st.tuples(st.just("json"), COUNT, HOW, st.sampled_from(sorted(ODD))).map(list),
            st.tuples(st.just("json"), COUNT, HOW, st.sampled_from(sorted(ODD))).map(list),
            st.tuples(st.just("header"), COUNT, HOW, st.sampled_from(sorted(ODD))).map(list),
            st.tuples(st.just("tensor"), st.sampled_from(TENSORS), COUNT).map(list),
            st.tuples(st.just("file"), st.sampled_from(sorted(ALL)), COUNT, COUNT).map(list),
        ),
    }
)


def apply(folder: Path, case: Case) -> str | None:
    """Damage a file of a model's folder, and say which and how; None where there is none such."""
    what, *rest = case["damage"]
    patterns = {"json": ("*.json",), "header": ("*.safetensors",), "tensor": WEIGHTS}
    files = files_in(folder, *patterns.get(what, ("*",)))
    if not files:
        return None
    file = files[case["file"] % len(files)]
    if what == "json":
        return edit_json(file, *rest)
    if what == "header":
        return edit_header(file, *rest)
    if what == "tensor":
        if rest[0] in PICKLED and file.suffix == ".safetensors":
            return None
        return rewrite(file, *rest)
    return damage(file, *rest)


@pytest.fixture(scope="module")
def sound(commands: Commands, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a sound model of every kind, each of which can be run."""
    commands.preload(*MODULES)
    root = tmp_path_factory.mktemp("sound") / "models"
    options = {"call": "faults.models:make_all", "memory": None, "limit_s": 60}
    done = commands.run(str(root), folder=root.parent, **options)
    assert done.code == 0, done.err
    for kind in MODELS:
        spec = as_toml(trying(table_of(kind, root / kind)))
        (root.parent / "spec.toml").write_text(spec, encoding="utf-8")
        done = commands.run("run", "spec.toml", folder=root.parent)
        assert done.code == 0, (kind, done.err)
    return root


def test_models(commands: Commands, explore: Any, sound: Path, place: Path) -> None:
    def check(case: Case) -> None:
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir()
        folder = place / "model"
        shutil.copytree(sound / case["model"], folder)
        spec = as_toml(trying(table_of(case["model"], folder)))
        (place / "spec.toml").write_text(spec, encoding="utf-8")
        words = apply(folder, case)
        if words is None:
            return
        command = ["run"] if case["command"] == "run" else ["model", "check"]
        try:
            done = commands.run(*command, "spec.toml", folder=place)
            require_good_end(done)
            require_told_failures(place / "runs")
            tensor = case["damage"][1] if case["damage"][0] == "tensor" else ""
            if tensor in MUST_FAIL and command == ["run"] and not done.code:
                raise FaultError(f"weights that are none are taken: {tensor}", done.err)
        except FaultError as fault:
            fault.args = (f"{fault}\n{case['model']} {words}",)
            raise

    explore("models", CASES, check, 10)
