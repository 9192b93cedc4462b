"""What ``make dist`` looks for in a wheel and an sdist, and what a release says of itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import check_dist
import pytest
import release_notes
import yaml

ROOT = Path(__file__).parents[2]
WHOLE = [
    *(f"{name}x" if name.endswith("/") else name for name in check_dist.ALONGSIDE),
    *(f"{package}/py.typed" for package in check_dist.packages()),
    "rateval/__init__.py",
]


def test_what_a_wheel_needs_is_in_the_sources() -> None:
    for package in check_dist.packages():
        assert any((ROOT / top / package / "py.typed").is_file() for top in ("src", "plugins"))
    for name in check_dist.ALONGSIDE[1:]:
        assert any((ROOT / top / name).exists() for top in ("src", "plugins")), name
    assert all((ROOT / name).is_file() for name in check_dist.SOURCES)


@pytest.mark.parametrize("lost", ["rateval/cli/starter.toml", "rateval_hf/py.typed"])
def test_what_a_wheel_lacks_is_named(lost: str) -> None:
    assert check_dist.missing_from_wheel(WHOLE) == []
    assert check_dist.missing_from_wheel(name for name in WHOLE if name != lost) == [lost]


def test_tests_have_no_place_in_a_wheel() -> None:
    (found,) = check_dist.missing_from_wheel([*WHOLE, "tests/test_it.py"])
    assert "tests/test_it.py" in found


def test_what_an_sdist_lacks_is_named() -> None:
    names = [f"rateval-1.0/{name}" for name in check_dist.SOURCES]
    assert check_dist.missing_from_sources(names) == []
    assert check_dist.missing_from_sources(names[1:]) == [check_dist.SOURCES[0]]


def test_release_notes_are_the_changelog_s() -> None:
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    found = release_notes.notes(text, "Unreleased")
    assert found is not None
    assert found.startswith("### ")
    assert "\n## [" not in found
    assert release_notes.notes(text, "99.0") is None


def read_yaml(name: str) -> Any:
    return yaml.safe_load((ROOT / ".github" / name).read_text(encoding="utf-8"))


def test_the_newest_versions_are_tried_weekly_without_constraints() -> None:
    workflow = read_yaml("workflows/newest.yml")
    assert "cron" in workflow[True]["schedule"][0]  # YAML reads `on` as true
    (job,) = workflow["jobs"].values()
    commands = [step["run"] for step in job["steps"] if "run" in step]
    assert not any("constraint" in command for command in commands)
    assert any("--upgrade-strategy eager" in command for command in commands)
    assert "pytest" in commands[-1]


@pytest.mark.parametrize("name", ["bug", "wish", "plugin"])
def test_forms_of_issues_ask_something(name: str) -> None:
    form = read_yaml(f"ISSUE_TEMPLATE/{name}.yml")
    assert form["name"]
    assert form["description"]
    kinds = {"markdown", "textarea", "input", "checkboxes"}
    assert all(part["type"] in kinds for part in form["body"])
    fields = [part for part in form["body"] if part["type"] != "markdown"]
    assert all(part["attributes"]["label"] for part in fields)
    assert len({part["id"] for part in fields}) == len(fields)
    assert any(part.get("validations", {}).get("required") for part in fields)


def test_who_asks_is_told_how_to_behave_and_whom_to_tell() -> None:
    text = (ROOT / "CODE_OF_CONDUCT.md").read_text(encoding="utf-8")
    assert "Contributor Covenant" in text
    assert "SECURITY.md" in text
    assert "make reference" in (ROOT / ".github/PULL_REQUEST_TEMPLATE.md").read_text("utf-8")
