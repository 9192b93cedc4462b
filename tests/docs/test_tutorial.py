"""The tutorial, from an empty folder: its commands and its Python, one after another."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest

import rateval
from rateval.cli.main import main

PAGES = Path(__file__).parents[2] / "docs" / "tutorial"
BLOCK = re.compile(r"^```(console|python)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(page: str, language: str) -> list[str]:
    text = (PAGES / page).read_text(encoding="utf-8")
    return [found[2] for found in BLOCK.finditer(text) if found[1] == language]


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("RATEVAL_CACHE", str(tmp_path / "cache"))


def smaller(spec: Path) -> None:
    """Have the starter's study take seconds: fewer scenes and epochs, all else as it is."""
    text = spec.read_text(encoding="utf-8")
    small = text.replace('use = "shapes"\n', 'use = "shapes"\ntest_size = 40\ntrain_size = 40\n')
    small = small.replace("epochs = 5", "epochs = 1")
    assert small.count("test_size") == 2 and "epochs = 1" in small
    spec.write_text(small, encoding="utf-8")


def test_the_quickstart_s_commands(capsys: pytest.CaptureFixture[str]) -> None:
    said = {}
    for line in "".join(blocks("quickstart.md", "console")).splitlines():
        words = shlex.split(line.removeprefix("$ rateval "))
        assert line.startswith("$ rateval ")
        capsys.readouterr()
        assert main(words) == 0, line
        said[" ".join(words[:2])] = capsys.readouterr().out
        if words == ["init"]:
            smaller(Path("spec.toml"))
    assert "✓ what is there works" in said["doctor"]
    assert said["validate spec.toml"].startswith("spec.toml: valid: 4 cells")
    for part in ("biased", "unbiased", "PT", "IR", "ft"):
        assert part in said["run spec.toml"]
    assert Path("report.html").read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert "generic-attention" in said["list attribution"]
    assert "starter-" in said["runs"]


def test_the_notebook_s_cells(capsys: pytest.CaptureFixture[str]) -> None:
    names: dict[str, Any] = {}
    for number, source in enumerate(blocks("notebook.md", "python")):
        exec(compile(source, f"notebook.md, block {number}", "exec"), names)
    before, after, compared = (names[name] for name in ("before", "after", "compared"))
    assert (before.status, after.status) == ("finished", "finished")
    assert len(compared.pairs) == 1
    printed = capsys.readouterr().out
    assert {"accuracy", "pt", "ir"} <= set(printed.split())
    assert rateval.load(after.path).cells[0].evidence[0].scores
