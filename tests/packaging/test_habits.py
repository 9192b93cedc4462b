"""What other tools read in this repository: citations, hooks before a commit, hosted CI."""

from __future__ import annotations

import importlib.metadata
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def read_yaml(name: str) -> Any:
    return yaml.safe_load((ROOT / name).read_text(encoding="utf-8"))


def hooks() -> list[dict[str, Any]]:
    (repository,) = read_yaml(".pre-commit-config.yaml")["repos"]
    assert repository["repo"] == "local"  # any other one would be fetched
    found: list[dict[str, Any]] = repository["hooks"]
    return found


def commands_of(extra: str) -> set[str]:
    """Return the commands that an extra's distributions install."""
    names = [re.split(r"[^\w-]", item)[0] for item in PROJECT["optional-dependencies"][extra]]
    files = [file for name in names for file in importlib.metadata.files(name) or ()]
    return {file.stem for file in files if file.parent.name in ("bin", "Scripts")}


def test_the_citation_is_that_of_this_version() -> None:
    citation = read_yaml("CITATION.cff")
    assert citation["cff-version"] == "1.2.0"
    assert citation["message"]
    assert citation["title"] == PROJECT["name"]
    assert str(citation["version"]) == PROJECT["version"]
    assert citation["license"] == PROJECT["license"]
    assert citation["authors"] == PROJECT["authors"]
    assert citation["keywords"] == PROJECT["keywords"]


def test_the_paper_is_cited_as_in_the_readme() -> None:
    (paper,) = read_yaml("CITATION.cff")["references"]
    readme = " ".join((ROOT / "README.md").read_text(encoding="utf-8").split())
    assert paper["title"] in readme
    first, second, third, last = (author["family-names"] for author in paper["authors"])
    assert f"{first}, {second}, {third} and {last}" in readme
    assert f"{paper['conference']['name']} " in readme
    (preprint,) = paper["identifiers"]
    assert f"https://arxiv.org/abs/{preprint['value'].removeprefix('arXiv:')}" in readme


def test_hooks_call_what_the_dev_extra_installs() -> None:
    called = {hook["entry"].split()[0] for hook in hooks()}
    assert called - {"python"} <= commands_of("dev")
    assert all(hook["language"] == "system" for hook in hooks())


def test_hooks_check_what_make_lint_checks() -> None:
    (lint,) = re.findall(r"^lint:.*\n((?:\t.*\n)+)", (ROOT / "Makefile").read_text(), re.MULTILINE)
    wanted = {tuple(line.split("/")[-1].removesuffix(" .").split()) for line in lint.splitlines()}
    entries = [hook["entry"].replace(" --force-exclude", "") for hook in hooks()]
    assert wanted <= {tuple(entry.split()) for entry in entries}


@pytest.mark.parametrize(("size", "code"), [(1 << 20, 0), ((1 << 20) + 1, 1)])
def test_large_files_are_refused(tmp_path: Path, size: int, code: int) -> None:
    (hook,) = (hook for hook in hooks() if hook["id"] == "large-files")
    script = ROOT / hook["entry"].split()[1]
    (tmp_path / "weights.bin").write_bytes(bytes(size))
    done = subprocess.run(
        [sys.executable, script, "weights.bin", "deleted.txt"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == code
    assert ("weights.bin: 1.0 MiB; at most 1 MiB" in done.stdout) == bool(code)


def test_what_is_there_is_small_enough() -> None:
    (hook,) = (hook for hook in hooks() if hook["id"] == "large-files")
    listed = subprocess.run(
        ["git", "ls-files", "-z"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if listed.returncode:
        pytest.skip("not a checkout")
    names = [name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]
    large = [name for name in names if (ROOT / name).stat().st_size > 1 << 20]
    assert large
    assert all(re.search(hook["exclude"], name) for name in large)


def test_hosted_ci_calls_what_every_change_has_to_pass() -> None:
    (job,) = read_yaml(".github/workflows/ci.yml")["jobs"].values()
    actions = [step["uses"].partition("@")[0] for step in job["steps"] if "uses" in step]
    assert actions == ["actions/checkout", "actions/setup-python"]
    assert [step["run"] for step in job["steps"] if "run" in step] == [".ci/run"]
    (python,) = (step["with"]["python-version"] for step in job["steps"] if "with" in step)
    assert PROJECT["requires-python"] == f">={python}"
    assert (ROOT / ".ci/run").is_file()
