"""Small real runs, one of them killed, for the commands that keep runs in order."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import rateval
from rateval.records.run import RunRecord

SPEC = """
[study]
name = "small"
[[dataset]]
use = "squares"
test = 12
[[model]]
use = "tiny"
[[finetune]]
use = "zs"
{more}[run]
device = "cpu"
{run}
"""
DYING = """
import os, signal, sys
import rateval, rateval.engine.doing.steps
rateval.engine.doing.steps.judge = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
sys.argv[1:] and rateval.run(sys.argv[1])
"""
Write = Callable[..., Path]


@pytest.fixture
def write_study(tmp_path: Path, acme: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Return a function that writes a small spec into the current folder."""
    monkeypatch.chdir(tmp_path)

    def write(more: str = "", *, run: str = "", name: str = "spec.toml") -> Path:
        path = Path(name)
        path.write_text(SPEC.format(more=more, run=run), encoding="utf-8")
        return path

    return write


@pytest.fixture(scope="session")
def made() -> dict[str, Path]:
    """Return what was made once, by what it is: folders that stand for the current one."""
    return {}


@pytest.fixture
def small(write_study: Write, made: dict[str, Path], tmp_path: Path) -> RunRecord:
    """Make a small run."""
    return rateval.load(_once("small", made, tmp_path, lambda: rateval.run(write_study()).path))


@pytest.fixture
def killed(write_study: Write, made: dict[str, Path], tmp_path: Path) -> Path:
    """Return the folder of a run that was killed while it judged."""
    return _once("killed", made, tmp_path, lambda: kill(write_study()))


def _once(name: str, made: dict[str, Path], here: Path, make: Callable[[], Path]) -> Path:
    """Return the folder of a run that is made once, and copied into the folder of each test."""
    if name not in made:
        folder = make()
        made[name] = here.with_name(f"{here.name}-kept")
        shutil.copytree(here, made[name], ignore=shutil.ignore_patterns("site", ".locks"))
        return folder
    shutil.copytree(made[name], here, dirs_exist_ok=True)
    (file,) = Path("runs").glob("*/run.json")
    told = json.loads(file.read_bytes())
    file.write_text(json.dumps(told | {"base": str(here)}))
    return file.parent


def kill(spec: Path) -> Path:
    before = set(Path("runs").glob("*"))
    died = subprocess.run([sys.executable, "-c", DYING, str(spec)], check=False)
    assert died.returncode == -signal.SIGKILL
    (folder,) = (path for path in set(Path("runs").glob("*")) - before if path.name != "store")
    return folder
