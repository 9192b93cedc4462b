"""Look a wheel and an sdist over, and install the wheel by itself: ``make dist``.

    python scripts/check_dist.py dist
    python scripts/check_dist.py dist --python python3.12 --extra clip --extra html

With ``--python`` an environment of its own gets the wheel with those extras from the package index,
and writes, validates and runs a small study there.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tarfile
import tempfile
import tomllib
import zipfile
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
ALONGSIDE = (
    "rateval/registry/registry.toml",
    "rateval/cli/starter.toml",
    "rateval/plan/aaai25.toml",
    "rateval/plan/published_values.csv",
    "rateval/cli/installation/completion.bash",
    "rateval/cli/installation/completion.zsh",
    "rateval/cli/installation/completion.fish",
    "rateval_clip/quickstart/open_clip_model.safetensors",
    "rateval_vlp/quickstart/albef/",
    "rateval_vlp/quickstart/blip/",
    "rateval_vlp/quickstart/blip-caption/",
    "rateval_vlp/quickstart/blip-vqa/",
    "rateval/scaffolding/files/distribution/",
    "rateval/scaffolding/files/study/",
)
"""Files and folders of a wheel that are no Python."""
SOURCES = (
    "README.md",
    "CHANGELOG.md",
    "LICENSE",
    "docs/index.md",
    "tests/conftest.py",
    "mkdocs.yml",
)


def packages() -> list[str]:
    """Return the packages that a wheel brings."""
    data = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    listed = data["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    return [Path(name).name for name in listed]


def missing_from_wheel(names: Iterable[str]) -> list[str]:
    """Return what a wheel with these files lacks."""
    there = list(names)
    wanted = [*ALONGSIDE, *(f"{package}/py.typed" for package in packages())]
    lacking = [one for one in wanted if not any(name.startswith(one) for name in there)]
    tests = [name for name in there if name.startswith("tests/") or "/test_" in name]
    return lacking + [f"no tests, but {name} is there" for name in tests[:1]]


def missing_from_sources(names: Iterable[str]) -> list[str]:
    """Return what an sdist with these files lacks; its first folder is its own name."""
    there = {name.partition("/")[2] for name in names}
    return [one for one in SOURCES if one not in there]


def install(wheel: Path, python: str, extras: list[str]) -> None:
    """Install a wheel in an environment of its own and run a small study with it."""
    with tempfile.TemporaryDirectory() as folder:
        _call([python, "-m", "venv", f"{folder}/venv"], folder)
        wanted = f"{wheel.resolve()}[{','.join(extras)}]" if extras else str(wheel.resolve())
        binaries = f"{folder}/venv/bin"
        _call([f"{binaries}/python", "-m", "pip", "install", "--quiet", wanted], folder)
        rateval = f"{binaries}/rateval"
        asked = [word for extra in extras for word in ("--extra", extra)]
        found = json.loads(_call([rateval, "doctor", "--json", *asked], folder))
        print(
            f"Python {found['python']}, torch {found['torch']}: {', '.join(extras) or 'no extra'}"
        )
        _call([rateval, "init"], folder)
        if {"clip", "finetune"} <= set(extras):  # what the starter study needs
            _call([rateval, "validate", "spec.toml"], folder)
            _call([rateval, "run", "spec.toml", "--limit", "8", "-q"], folder)


def _call(words: list[str], folder: str) -> str:
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(words)}: exit code {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def main() -> int:
    """Return 1 where something is missing."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--python", action="append", default=[])
    parser.add_argument("--extra", action="append", default=[])
    parsed = parser.parse_args()
    (wheel,) = parsed.folder.glob("*.whl")
    (sources,) = parsed.folder.glob("*.tar.gz")
    lacking = missing_from_wheel(zipfile.ZipFile(wheel).namelist())
    with tarfile.open(sources) as archive:
        lacking += missing_from_sources(archive.getnames())
    for one in lacking:
        print(f"missing: {one}")
    for python in parsed.python:
        install(wheel, python, parsed.extra)
    print(
        f"{wheel.name}: {wheel.stat().st_size:,} bytes; {sources.name}: {sources.stat().st_size:,}"
    )
    return int(bool(lacking))


if __name__ == "__main__":
    sys.exit(main())
