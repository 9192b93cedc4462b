"""docs/plugins.md suffices to write a plugin: what it shows is written down, typed and run."""

from __future__ import annotations

import ast
import inspect
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from typing_extensions import get_protocol_members

import rateval
import rateval.api
import rateval.modelkit
import rateval.testing
from rateval.api import protocols
from rateval.api.kinds import KINDS
from rateval.api.listed import ListedSplit
from rateval.api.protocols import Classifier, Split
from rateval.api.shifts import ShiftAmong
from rateval.registry.discovery import discover
from rateval.registry.references import follow
from rateval.testing import check_component, check_dataset

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/plugins.md").read_text(encoding="utf-8")
STUDY = """
[study]
name = "of-the-page"
[[dataset]]
use = "squares"
[[model]]
use = "tiny"
[[finetune]]
use = "zs"
[[evidence]]
use = "relevance-mass"
[[metric]]
use = "doubly-right"
[run]
device = "cpu"
limit = 6
"""


def cells_of(first: str) -> list[str]:
    """Return the cells of the one row of the page's tables that begins with ``first``."""
    (row,) = (line for line in PAGE.splitlines() if line.startswith(f"| {first} |"))
    return [cell.strip() for cell in row.strip("|").split("|")]


def quoted(text: str) -> list[str]:
    return re.findall(r"`([^`]+)`", text)


def run_mypy(folder: Path, cache: Path) -> tuple[int, str]:
    """Check a folder from inside of it, where rateval is an installed library like any other.

    What is torch's passes: to read its sources takes minutes.
    """
    settings = cache.with_suffix(".ini")
    settings.write_text("[mypy]\n[mypy-torch.*]\nfollow_imports = skip\n")
    done = subprocess.run(
        [
            sys.executable, "-m", "mypy", "--strict", "--config-file", settings,
            "--cache-dir", cache, ".",
        ],
        cwd=folder, env=os.environ | {"PYTHONPATH": str(ROOT / "src")},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


def replace(file: Path, old: str, new: str) -> None:
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new), encoding="utf-8")


@pytest.fixture
def noted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in a folder of its own, and return the file that the page's observer writes to."""
    monkeypatch.chdir(tmp_path)
    return tmp_path / "mine.log"


@pytest.mark.usefixtures("installed")
def test_its_files_are_a_whole_plugin() -> None:
    registry = discover()
    assert not registry.broken
    assert registry.find("metric", "doubly-right")
    assert registry.find("executor", "own-processes")


@pytest.mark.slow
def test_its_files_pass_mypy_strict(written: Path, tmp_path: Path) -> None:
    code, said = run_mypy(written, tmp_path / "cache")
    assert code == 0, said
    replace(written / "rateval_mine/watching.py", "plan.study", "plan.stduy")
    replace(written / "rateval_mine/metrics.py", "-> Score:", "-> int:")
    code, said = run_mypy(written, tmp_path / "cache")
    assert code == 1
    assert '"PlanRecord" has no attribute "stduy"' in said
    assert 'expected "int"' in said


@pytest.mark.usefixtures("acme", "installed")
def test_its_observer_is_told_of_a_study(noted: Path) -> None:
    Path("spec.toml").write_text(STUDY)
    record = rateval.run("spec.toml")
    (score,) = record.cells[0].evidence[0].scores
    lines = noted.read_text(encoding="utf-8").splitlines()
    assert lines[0] == "of-the-page: 1 cells"
    stages = [line.split()[0] for line in lines[1:-2]]
    assert stages == ["load", "finetune", "infer", "judge", "score", "thresholds", "pictures"]
    assert lines[-2] == f"tiny · zs on squares: RR/N {score.value.value}"
    assert lines[-1] == f"of-the-page: finished, {record.path}"


@pytest.mark.usefixtures("acme")
def test_its_observer_is_told_of_a_failure(installed: Path, noted: Path) -> None:
    replace(installed / "metrics.py", "total =", "total = 1 // 0 +")
    Path("spec.toml").write_text(STUDY)
    assert rateval.run("spec.toml").status == "failed"
    said = noted.read_text(encoding="utf-8")
    assert re.search(
        r"^score tiny · zs .*: ZeroDivisionError: .* \(missing in tiny · zs", said, re.M
    )


@pytest.mark.usefixtures("installed")
def test_its_test_passes(written: Path) -> None:
    names: dict[str, Any] = {}
    exec((written / "tests/test_conformance.py").read_text(encoding="utf-8"), names)
    names["test_conformance"]()


@pytest.mark.slow
@pytest.mark.usefixtures("installed")
def test_its_executor_keeps_its_promises() -> None:
    found = discover().find("executor", "own-processes")
    assert found is not None
    check_component(found.component, "executor")


def test_its_component_in_one_file_keeps_its_promises(
    written: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("photos").mkdir()
    for index in range(4):
        colour = (60 * index, 10, 200)
        Image.new("RGB", (8, 6), colour).save(f"photos/{'cat' if index % 2 else 'dog'}_{index}.png")
    dataset = rateval.create("dataset", f"{written}/my_dataset.py:make", root=Path("photos"))
    check_dataset(dataset)
    assert dataset.classes == ("cat", "dog")
    Path("spec.toml").write_text(
        '[study]\nname = "page"\n[[model]]\nuse = "clip"\n[[finetune]]\nuse = "zs"\n'
        f'[[dataset]]\nuse = "{written}/my_dataset.py:make"\nroot = "photos"\n'
        '[run]\ndevice = "cpu"\n'
    )
    assert rateval.run("spec.toml").cells[0].count == 4


@pytest.mark.slow
@pytest.mark.usefixtures("acme", "installed", "noted")
def test_its_executor_runs_a_study() -> None:
    Path("spec.toml").write_text(STUDY)
    here = rateval.run("spec.toml", output="here")
    Path("spec.toml").write_text(STUDY + '[executor]\nuse = "own-processes"\n')
    there = rateval.run("spec.toml", output="there")
    assert there.status == "finished"
    assert there.cells == here.cells


@pytest.mark.usefixtures("installed")
def test_listing_it_imports_nothing_heavy() -> None:
    program = (
        "import sys; from rateval.cli.main import main; main(['list', '--json']);"
        "print(*{'pydantic', 'torch'} & {*sys.modules}, file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stderr.strip() == ""
    assert "own-processes" in done.stdout


@pytest.mark.parametrize("door", [rateval.api, rateval.modelkit, rateval.testing])
def test_the_names_of_a_door_are_those_that_it_has(door: Any) -> None:
    tree = ast.parse(Path(door.__file__).read_text(encoding="utf-8"))
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    declared = [alias.asname for node in imports for alias in node.names if alias.asname]
    names = getattr(door, "__all__", declared)
    assert sorted(quoted(cells_of(f"`{door.__name__}`")[2])) == sorted(names)


def members_of(protocol: Any) -> set[str]:
    return {name for name in get_protocol_members(protocol) if not name.startswith("_")}


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_is_described_as_it_is_declared(kind: Any) -> None:
    facts = KINDS[kind]
    _, table, hook, protocol, members = cells_of(kind)
    assert (quoted(table), quoted(hook)) == ([facts.heading], [facts.hook])
    assert quoted(protocol) == [facts.protocol.partition(":")[2]]
    wanted = members_of(follow(facts.protocol))
    if kind == "dataset":
        wanted |= members_of(Split) | members_of(ListedSplit)
    if kind == "finetuner":
        wanted |= members_of(Classifier)
    if kind == "shift":
        wanted |= members_of(ShiftAmong)
    named = {re.split(r"\W", text)[0] for text in quoted(members)}
    assert wanted <= named
    others = {name for name, _ in inspect.getmembers(protocols, inspect.isclass)}
    others |= {ListedSplit.__name__}
    assert named - wanted <= others
