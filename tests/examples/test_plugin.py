"""The plugin to copy: one component of each kind, each short, all known to the catalogue."""

from __future__ import annotations

import ast
import tomllib
from pathlib import Path

import pytest

from rateval.registry.catalogue import load_catalogue
from rateval.testing.plugin.check import check_plugin
from rateval.testing.plugin.subject import opened

EXAMPLE = Path(__file__).parents[2] / "examples" / "rateval-example"
MODULES = sorted((EXAMPLE / "src/rateval_example").glob("*.py"))
LONGEST = 60


def count_lines(source: str) -> int:
    """Count the lines of code: neither blank ones, nor docstrings, comments and imports."""
    tree = ast.parse(source)
    left = {
        number
        for number, line in enumerate(source.splitlines(), 1)
        if line.strip() and not line.strip().startswith("#")
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and not isinstance(node.value, ast.Constant):
            continue
        if isinstance(node, ast.Expr | ast.Import | ast.ImportFrom):
            left -= set(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    return len(left)


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.stem)
def test_each_module_is_short(module: Path) -> None:
    if module.stem != "plugin":
        assert count_lines(module.read_text(encoding="utf-8")) < LONGEST


def test_the_catalogue_has_what_it_registers() -> None:
    with opened(str(EXAMPLE)) as subject:
        report = check_plugin(subject, {}, typed=False)
    assert report.verdict == "kept", [str(one) for part in report.components for one in part.broken]
    rows = {(k.kind, k.name) for k in load_catalogue() if k.distribution == "rateval-example"}
    assert rows == {(part.kind, part.name) for part in report.components}
    assert len({kind for kind, _ in rows}) == 10


def test_its_study_uses_all_of_it() -> None:
    study = tomllib.loads((EXAMPLE / "study.toml").read_text(encoding="utf-8"))
    used = {
        entry["use"]
        for table in study.values()
        for entry in (table if isinstance(table, list) else [table])
        if "use" in entry
    }
    names = {k.name for k in load_catalogue() if k.distribution == "rateval-example"}
    assert names <= used
