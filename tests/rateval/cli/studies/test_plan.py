from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Rateval = Callable[..., Any]
WriteSpec = Callable[..., Path]
FT = '[[finetune]]\nuse = "ft"\nepochs = 2\nlr = 0.01\n'


def test_a_plan_is_told_and_nothing_is_written(
    rateval: Rateval, acme: Path, write_spec: WriteSpec
) -> None:
    done = rateval("plan", str(write_spec(FT)))
    assert done.code == 0
    assert done.out.startswith("small: 2 cells = 1 dataset × 1 model × 2 finetune")
    assert re.search(r"infer +2 +0 +2 +24 +2 +> ", done.out)
    assert re.search(r"finetune +2 +0 +2 +24 +\?", done.out)
    assert "? infer: rows alone: masks and maps are known after --measure" in done.out
    assert "time     ? --measure tries a few batches and tells" in done.out
    assert "! dataset" in done.out
    assert sorted(path.name for path in Path().iterdir() if path.name != "site") == ["spec.toml"]


def test_measured(rateval: Rateval, acme: Path, write_spec: WriteSpec) -> None:
    done = rateval("plan", str(write_spec(FT)), "--measure", "--workers", "2")
    assert done.code == 0
    assert "tries tiny · ft on squares (2 of 2)" in done.err
    assert re.search(r"time +\d.* by 2 workers; .* of work on cpu", done.out)
    assert re.search(r"memory +.* a worker for tiny to train", done.out)
    assert "Assumed: " in done.out
    assert not re.search(r"^(infer|judge|score) .*\?", done.out, re.MULTILINE)
    assert not Path("runs").exists()


def test_as_json(rateval: Rateval, acme: Path, write_spec: WriteSpec) -> None:
    told = json.loads(rateval("plan", str(write_spec(FT)), "--json", "--measure").out)
    stages = {stage["stage"]: stage for stage in told["stages"]}
    assert told["cells"] == told["selected"] == 2
    assert stages["infer"]["to_do"] == 2
    assert stages["infer"]["seconds"] > 0
    assert told["bytes"] == sum(stage["bytes"] for stage in stages.values())
    assert told["measured"]["work"] >= told["measured"]["longest_seconds"]


def test_some_cells_alone(rateval: Rateval, acme: Path, write_spec: WriteSpec) -> None:
    spec = str(write_spec(FT))
    done = rateval("plan", spec, "--only", "tiny · zs on squares")
    assert "1 of them asked" in done.out
    assert re.search(r"infer +1 +0 +1 +12 ", done.out)
    wrong = rateval("plan", spec, "--only", "tiny · zz on squares")
    assert wrong.code == 2
    assert "did you mean" in wrong.err


def test_nothing_to_do(rateval: Rateval, acme: Path, write_spec: WriteSpec) -> None:
    spec = str(write_spec())
    rateval("run", spec, "--quiet")
    for more in ((), ("--measure",)):
        done = rateval("plan", spec, *more)
        assert re.search(r"nothing to do: all \d+ steps are stored in runs", done.out)
    assert re.search(r"infer +1 +0 +1 ", rateval("plan", spec, "--fresh").out)
    limited = rateval("plan", spec, "--limit", "6")
    assert re.search(r"infer +1 +0 +1 +6 ", limited.out)
    assert re.search(r"finetune +1 +1 +0 ", limited.out)


@pytest.mark.parametrize("more", [(), ("--json",), ("--measure",)])
def test_a_bad_spec_is_told_with_all_that_is_wrong(
    rateval: Rateval, acme: Path, write_spec: WriteSpec, more: tuple[str, ...]
) -> None:
    spec = write_spec('[[metric]]\nuse = "acuracy"\n', model='[[model]]\nuse = "tinny"\n')
    done = rateval("plan", str(spec), *more)
    assert done.code == 2
    assert "tinny" in done.err
    assert "acuracy" in done.err
    assert done.out == ""


def test_other_errors(rateval: Rateval, acme: Path, write_spec: WriteSpec) -> None:
    assert rateval("plan", "missing.toml").code == 2
    assert "1 or more" in rateval("plan", str(write_spec()), "--workers", "0").err
    assert rateval("plan", str(write_spec()), "--device", "cuda:99").code == 2


def test_arguments_need_no_torch() -> None:
    code = (
        "import sys; from rateval.cli.main import make_parser; make_parser(['plan']);"
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
