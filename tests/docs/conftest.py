"""The plugin that docs/plugins.md shows."""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

PAGE = Path(__file__).parents[2] / "docs/plugins.md"
FILE_BLOCK = re.compile(r"^```\w+\n# ([\w/.]+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.fixture
def written(tmp_path: Path) -> Path:
    """Write the page's files into a folder of their own, and return it."""
    folder = tmp_path / "rateval-mine"
    for block in FILE_BLOCK.finditer(PAGE.read_text(encoding="utf-8")):
        file = folder / block[1]
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(block[2], encoding="utf-8")
    (folder / "rateval_mine/__init__.py").touch()
    return folder


@pytest.fixture
def installed(written: Path, make_plugin: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Install what the page shows, by its own entry points; return the folder of its sources."""
    forget_it()
    project = tomllib.loads((written / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    site = make_plugin("", distribution=project["name"], version=project["version"])
    (written / "rateval_mine").rename(site / "rateval_mine")
    (info,) = site.glob("*.dist-info")
    points = project["entry-points"]["rateval"]
    lines = ["[rateval]", *(f"{name} = {module}" for name, module in points.items())]
    (info / "entry_points.txt").write_text("\n".join(lines), encoding="utf-8")
    yield site / "rateval_mine"
    forget_it()


def forget_it() -> None:
    for module in [name for name in sys.modules if name.partition(".")[0] == "rateval_mine"]:
        del sys.modules[module]
