"""What is written is a plugin: it passes ruff and mypy, and its own tests where it is installed."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from rateval.api.kinds import KINDS, Kind
from rateval.plan.planning import make_plan
from rateval.registry.discovery import discover
from rateval.scaffolding.distribution import complete, read_part, write_distribution, write_one_file
from rateval.scaffolding.names import LONGEST, Names, read_names
from rateval.scaffolding.writing import write_files
from rateval.spec.document import read_document

ROOT = Path(__file__).parents[3]
NAMES = ("a", "b" * LONGEST)
"""The shortest and the longest one, for lines break elsewhere."""


def call(*words: str | Path, cwd: Path, **more: str) -> str:
    done = subprocess.run(
        words, cwd=cwd, env=os.environ | more, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a distribution for each kind and one for all of them; return their folder."""
    folder = tmp_path_factory.mktemp("written")
    for kind in KINDS:
        name = f"own-{kind}"
        write_files(folder / name, write_distribution(read_names(name), [kind]))
    for name in NAMES:
        write_files(folder / name, write_distribution(read_names(name), list(KINDS)))
    return folder


@pytest.fixture(scope="module")
def installed(written: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Install all of them, without network, into one folder of packages."""
    site = tmp_path_factory.mktemp("site")
    call(
        sys.executable, "-m", "pip", "install", "--no-deps", "--no-index", "--quiet",
        "--no-build-isolation", "--target", site, *sorted(written.iterdir()),
        cwd=site,
    )  # fmt: skip
    yield site


def test_ruff_finds_nothing(written: Path) -> None:
    for folder in written.iterdir():
        call(sys.executable, "-m", "ruff", "check", "--no-cache", ".", cwd=folder)
        call(sys.executable, "-m", "ruff", "format", "--no-cache", "--check", ".", cwd=folder)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "task"])
def test_ruff_finds_nothing_in_one_file(kind: Kind, tmp_path: Path) -> None:
    for stem in NAMES:
        (tmp_path / f"{stem}.py").write_text(write_one_file(Names(f"rateval-{stem}", stem), kind))
    rules = ("--isolated", "--no-cache", "--line-length", "100")
    chosen = ("--select", "D,E,F,I,N,UP,W", "--ignore", "D105,D107,D203,D213,D413")
    call(sys.executable, "-m", "ruff", "check", *rules, *chosen, ".", cwd=tmp_path)
    call(sys.executable, "-m", "ruff", "format", "--check", *rules, ".", cwd=tmp_path)


@pytest.mark.slow
def test_mypy_strict_finds_nothing(written: Path) -> None:
    settings = tomllib.loads((written / "a/pyproject.toml").read_text())["tool"]["mypy"]
    assert settings["strict"] is True
    call(sys.executable, "-m", "mypy", cwd=written / "a", PYTHONPATH=str(ROOT / "src"))


@pytest.mark.slow
def test_each_kind_passes_its_own_tests_where_it_is_installed(
    written: Path, installed: Path, tmp_path: Path
) -> None:
    """One process for all of them: it is the import of torch that takes long."""
    paths = [path / "tests" for path in sorted(written.iterdir())]
    said = call(
        sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", os.devnull,
        "--rootdir", written, "--import-mode=importlib", "-W", "error", *paths,
        cwd=tmp_path,
        PYTHONPATH=os.pathsep.join([str(installed), os.environ.get("PYTHONPATH", "")]),
    )  # fmt: skip
    tests = sum(1 + len(complete([kind])) for kind in KINDS) + len(NAMES) * (1 + len(KINDS))
    assert f"{tests} passed" in said


@pytest.mark.parametrize("kind", KINDS)
def test_its_study_is_valid(
    kind: Kind, written: Path, installed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(installed))
    plan = make_plan(read_document(written / f"own-{kind}" / "study.toml"), discover())
    assert len(plan.cells) == (2 if kind == "shift" else 1) + (kind == "shift")
    assert f"own-{kind}-{kind}" in str(plan.spec.model_dump())


def test_every_kind_has_a_part_of_its_own() -> None:
    for kind in KINDS:
        (make,) = [
            node
            for node in ast.parse(read_part(kind)).body
            if isinstance(node, ast.FunctionDef) and node.name == "make"
        ]
        assert ast.unparse(make.args) == f"params: Mine{kind.capitalize()}Params, context: Context"
        assert ast.unparse(make.returns or ast.Constant(None)) == KINDS[kind].protocol.split(":")[1]
        assert "# Must" in read_part(kind)


def test_a_task_brings_what_serves_it() -> None:
    files = write_distribution(read_names("posing"), ["task"])
    plugin = files["src/rateval_posing/plugin.py"]
    assert plugin.count('tasks=("classification", "posing-task"),') == 3
    assert plugin.count('tasks=("posing-task",),') == 1
