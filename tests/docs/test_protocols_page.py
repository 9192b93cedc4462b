"""docs/reference/protocols.md is what its script writes, and leaves nothing out."""

from __future__ import annotations

import re

import pytest
from typing_extensions import get_protocol_members
from write_protocols import PAGE, SOURCES, SUITES, list_promises, write_page

from rateval.api.kinds import KINDS, Kind
from rateval.registry.references import follow

TEXT = PAGE.read_text(encoding="utf-8")


def test_it_is_current() -> None:
    assert write_page() == TEXT, "run python scripts/write_protocols.py"


@pytest.mark.parametrize("kind", KINDS)
def test_each_member_has_its_signature(kind: Kind) -> None:
    section = TEXT.partition(f"\n## {kind.capitalize()}\n")[2].partition("\n## ")[0]
    for name in get_protocol_members(follow(KINDS[kind].protocol)):
        if not name.startswith("_"):
            assert re.search(rf"def {name}\(|^    {name}:", section, re.M), name


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_has_promises(kind: Kind) -> None:
    assert len(list_promises(kind)) > 3


def test_every_suite_is_read() -> None:
    """A module that requires something belongs to a kind, or is shared by all."""
    shared = {"components", "failure", "gate"}
    testing = SOURCES / "rateval/testing"
    asking = {
        str(path.relative_to(testing).with_suffix(""))
        for path in testing.rglob("*.py")
        if re.search(r"\brequire\w*\(", path.read_text(encoding="utf-8"))
    }
    own = {name for name in asking if not name.startswith(("plugin/", "tiny/"))}
    assert own - shared == {name for names in SUITES.values() for name in names}
