"""docs/reference is what its script makes of the code."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import write_reference
from reference_pages import messages, schemas

from rateval.api.kinds import KINDS
from rateval.cli.main import COMMANDS
from rateval.registry.discovery import discover

PAGES = dict(write_reference.make_pages())
BY_HAND = {"protocols.md"}


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_current(name: str) -> None:
    written = (write_reference.FOLDER / name).read_text(encoding="utf-8")
    assert written == PAGES[name], f"docs/reference/{name}: run make reference"


def test_no_other_page_lies_there() -> None:
    top = write_reference.FOLDER
    there = {path.relative_to(top).as_posix() for path in top.rglob("*.md")}
    assert there - BY_HAND == PAGES.keys()


def headings(name: str) -> list[str]:
    return re.findall(r"^##+ (.+)$", PAGES[name], re.MULTILINE)


def test_everything_is_there() -> None:
    for kind in KINDS:
        names = [found.component.name for found in discover(third_party=False).of_kind(kind)]
        assert headings(f"components/{kind}.md") == names
    assert {f"rateval {name}" for name in COMMANDS} <= set(headings("commands.md"))
    assert {"[study]", "[[dataset]]", "[run]", "[gate]", "[[gate.require]]"} <= set(
        headings("spec-keys.md")
    )
    assert {"CellRecord", "Estimate"} <= set(headings("run-json.md"))
    assert {"rateval_run_started", "rateval_register_metrics"} <= set(headings("hooks.md"))
    assert "| `PredictionRationality` |" in PAGES["python.md"]


def test_messages_are_read_from_the_code(tmp_path: Path) -> None:
    source = (
        'raise RatevalError(f"{path}: isn\'t there, whatever was said; give another one")\n'
        'raise ValueError("nobody is told this one in so many words")\n'
        'raise RatevalError(f"{path}: {why}")\n'
    )
    assert list(messages._templates(source)) == [
        "…: isn't there, whatever was said; give another one"
    ]
    assert "is larger than … MiB, and so no spec" in PAGES["messages.md"]


def test_types_of_a_schema_lead_to_their_records() -> None:
    found = schemas._type({"type": "array", "items": {"$ref": "#/$defs/CellRecord"}})
    assert found == "list of [CellRecord](#cellrecord)"
    assert "## CellRecord" in PAGES["run-json.md"]
