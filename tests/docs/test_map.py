"""CONTRIBUTING.md leads to what is there, and to all of it."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CORE = ROOT / "src/rateval"
TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^## (.*?)\n(.*?)(?=^## |\Z)", TEXT, re.MULTILINE | re.DOTALL))
OF_A_PLUGIN = {"plugin.py", "params.py", "methods/", "training/", "py.typed"}
"""What is said of each plugin without naming one."""


def quoted(text: str) -> list[str]:
    return re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```", "", text, flags=re.M | re.S))


def is_path(text: str) -> bool:
    return bool(re.fullmatch(r"[\w.<>/-]+(/|\.(py|toml|md|txt|typed))|\.ci/run", text))


PATHS = sorted({text for text in quoted(TEXT) if is_path(text)} - OF_A_PLUGIN)


def mapped(section: str) -> set[str]:
    """Return what the first cells of a section's tables name."""
    rows = (line for line in SECTIONS[section].splitlines() if line.startswith("| `"))
    return {name for row in rows for name in quoted(row.split("|")[1])}


def units() -> dict[str, Path]:
    """Return the modules and packages at the top of rateval, without ``__init__``."""
    modules = [path for path in CORE.glob("*.py") if path.stem != "__init__"]
    packages = [path.parent for path in CORE.glob("*/__init__.py")]
    return {path.stem: path for path in (*modules, *packages)}


def layers() -> list[set[str]]:
    tool = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]
    (found,) = (c for c in tool["importlinter"]["contracts"] if c["type"] == "layers")
    return [set(row.split(" | ")) for row in found["layers"]]


def test_there_are_paths() -> None:
    assert {"store/rows.py", "plugins/rateval_hf/", "docs/spec.md", "cli/<command>.py"} <= {*PATHS}


@pytest.mark.parametrize("path", PATHS)
def test_every_path_is_there(path: str) -> None:
    steady = path.partition("<")[0].rpartition("/")[0] if "<" in path else path
    found = [top / steady for top in (ROOT, CORE) if (top / steady).exists()]
    assert found, f"{path}: there is no {steady}"
    assert path.endswith("/") is found[0].is_dir() or "<" in path


def test_the_map_has_every_module_and_package() -> None:
    wanted = {path.name + ("/" if path.is_dir() else "") for path in units().values()}
    assert wanted | {"__init__.py"} <= mapped("Map")


@pytest.mark.parametrize("folder", ["plugins", "tests"])
def test_the_map_has_every_folder_beside_it(folder: str) -> None:
    files = (path for path in (ROOT / folder).glob("*/**/*") if path.suffix in (".py", ".npz"))
    wanted = {f"{folder}/{path.relative_to(ROOT / folder).parts[0]}/" for path in files}
    assert len(wanted) > 8
    assert {name for name in mapped("Map") if name.startswith(f"{folder}/")} == wanted


def test_the_layers_are_those_of_the_contract() -> None:
    assert set().union(*layers()) == units().keys()
    rows = [line for line in SECTIONS["Layers"].splitlines() if re.match(r"\| \d", line)]
    assert [set(quoted(row)) for row in rows] == layers()


def test_a_path_that_is_gone_would_be_found() -> None:
    assert not is_path("rateval.api")
    assert is_path("engine/pipeline.py")
    with pytest.raises(AssertionError, match="there is no engine/pipeline"):
        test_every_path_is_there("engine/pipeline.py")
    with pytest.raises(AssertionError, match="there is no commands"):
        test_every_path_is_there("commands/<command>.py")
