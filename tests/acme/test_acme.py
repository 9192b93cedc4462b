"""The plugin that tests work with is one that a third party could have written."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from rateval.registry.discovery import discover

DOORS = {"rateval.api", "rateval.api.tasks.texts", "rateval.modelkit", "rateval.testing"}
SOURCES = sorted((Path(__file__).parent / "acme").glob("*.py"))


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_it_goes_through_the_three_doors_only(path: Path) -> None:
    nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
    plain = {name.name for node in nodes if isinstance(node, ast.Import) for name in node.names}
    found = {str(node.module) for node in nodes if isinstance(node, ast.ImportFrom)} | plain
    assert {name for name in found if name.startswith("rateval")} <= DOORS


def test_processes_that_a_test_starts_find_it(acme: Path) -> None:
    code = (
        "import acme; from rateval.registry.discovery import discover; "
        "print(acme.__file__, discover().find('model', 'tiny').plugin)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == f'{acme / "acme" / "__init__.py"} plugin "acme" (acme 1.2)\n'


def test_each_test_gets_a_copy_of_its_own(acme: Path) -> None:
    from acme import parts

    assert Path(parts.__file__).is_relative_to(acme)
    assert discover().find("shift", "darken") is not None
