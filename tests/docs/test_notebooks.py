"""The notebooks run from top to bottom, offline, and hold no output."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).parents[2] / "docs/notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))


def code_of(notebook: Path) -> list[str]:
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    return ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]


def run(notebook: Path) -> dict[str, Any]:
    """Run the cells of a notebook one after the other, and return the names that they leave."""
    names: dict[str, Any] = {"__name__": "__main__"}
    for number, source in enumerate(code_of(notebook)):
        exec(compile(source, f"{notebook.name}, cell {number}", "exec"), names)
    return names


def test_there_are_some() -> None:
    assert [notebook.name for notebook in NOTEBOOKS] == ["own_model.ipynb"]


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.name)
def test_a_notebook_is_clean(notebook: Path) -> None:
    content = json.loads(notebook.read_text(encoding="utf-8"))
    assert (content["nbformat"], content["nbformat_minor"]) == (4, 5)
    assert len({cell["id"] for cell in content["cells"]}) == len(content["cells"])
    for cell in content["cells"]:
        assert cell["cell_type"] == "markdown" or (cell["outputs"], cell["execution_count"]) == (
            [],
            None,
        )
    for source in code_of(notebook):
        ast.parse(source)


def test_own_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    names = run(FOLDER / "own_model.ipynb")
    assert "after.show()" in code_of(FOLDER / "own_model.ipynb")
    assert "60 test images" in capsys.readouterr().out
    accuracy = names["table"]["head"]["accuracy"]
    assert f">{100 * accuracy:.1f} <small>" in names["after"]._repr_html_()
    assert names["table"]["head"]["accuracy"] > names["table"]["prompts"]["accuracy"]
    assert names["computed"] >= {"judge", "score"}
    assert not {"finetune", "infer"} & names["computed"]
    assert names["relevance"].shape == (60, 8, 8)
    quadrants = names["after"].cells[0].evidence[0].quadrants
    assert len(names["wrong_reason"]) == quadrants["RW"]
    strict = names["strict"].cells[0].evidence[0].quadrants
    assert strict["RW"] >= quadrants["RW"]
