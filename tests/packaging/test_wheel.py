"""What is built is what people install: a file that is missing from the wheel shows here."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def call(*arguments: str | Path, cwd: Path, **more: str) -> str:
    """Run a program and return what it prints; its errors are shown when it fails."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "RATEVAL"))}
    done = subprocess.run(
        arguments, cwd=cwd, capture_output=True, text=True, env=environment | more, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    call(
        sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, ROOT,
        cwd=folder,
    )  # fmt: skip
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory, wheel: Path) -> Iterator[Path]:
    """Yield the ``bin`` of an environment with the wheel, beside this environment's libraries."""
    home = tmp_path_factory.mktemp("venv")
    make_environment(home)
    binaries = home / "bin"
    call(
        sys.executable, "-m", "pip", "--python", binaries / "python", "install", "--no-deps",
        "--no-index", "--ignore-installed", "--quiet", wheel,
        cwd=home,
    )  # fmt: skip
    yield binaries


def make_environment(home: Path) -> Path:
    """Make an environment with this one's libraries; return its folder of packages."""
    venv.create(home)
    (site,) = home.glob("lib/python*/site-packages")
    # A path in a .pth file brings the libraries, but not the editable install beside them.
    (site / "libraries.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return site


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    return tmp_path


def test_the_wheel_is_what_runs(installed: Path, elsewhere: Path) -> None:
    code = "import rateval, rateval_clip; print(rateval.__file__, rateval_clip.__file__)"
    for path in call(installed / "python", "-c", code, cwd=elsewhere).split():
        assert Path(path).is_relative_to(installed.parent)


def test_list_from_an_unrelated_directory(installed: Path, elsewhere: Path) -> None:
    rows = json.loads(call(installed / "rateval", "list", "--all", "--json", cwd=elsewhere))
    here = [sys.executable, "-m", "rateval", "list", "--all", "--json"]
    assert rows == json.loads(call(*here, cwd=elsewhere))
    assert len([row for row in rows if row["distribution"] == "rateval"]) >= 9


CATALOGUE = """
from pathlib import Path
from rateval.registry import catalogue

print(catalogue.find_catalogue(Path(catalogue.__file__)))
"""


def test_the_catalogue_travels_in_the_wheel(installed: Path, elsewhere: Path) -> None:
    found = Path(call(installed / "python", "-c", CATALOGUE, cwd=elsewhere).strip())
    assert found.is_relative_to(installed.parent)
    assert found.read_bytes() == (ROOT / "registry.toml").read_bytes()


def test_an_editable_install_reads_the_catalogue_of_the_repository(
    wheel: Path, elsewhere: Path
) -> None:
    site = make_environment(elsewhere)
    # What pip makes of an editable install: the wheel's metadata, and paths to the sources.
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site, [name for name in archive.namelist() if ".dist-info/" in name])
    (site / "rateval.pth").write_text(f"{ROOT / 'src'}\n{ROOT / 'plugins'}\n")
    python = elsewhere / "bin" / "python"
    found = call(python, "-c", CATALOGUE, cwd=elsewhere).strip()
    assert Path(found) == ROOT / "registry.toml"
    listed = call(python, "-m", "rateval", "list", "executor", "--json", cwd=elsewhere)
    rows = json.loads(listed)
    assert [row["name"] for row in rows] == ["local", "ray", "slurm"]
    assert rows[0]["available"] is True


def test_a_study_from_an_unrelated_directory(installed: Path, elsewhere: Path) -> None:
    assert "wrote spec.toml" in call(installed / "rateval", "init", cwd=elsewhere)
    printed = call(
        installed / "rateval", "run", "spec.toml", "--limit", "8", "--quiet", cwd=elsewhere
    )
    assert "limited to 8 samples" in printed
    assert list(elsewhere.glob("runs/starter-*/run.json"))


def test_a_plugin_is_written_by_the_wheel_and_runs(installed: Path, elsewhere: Path) -> None:
    """The templates travel, and what they make needs nothing else."""
    call(installed / "rateval", "new-plugin", "fresh", "--kind", "all", cwd=elsewhere)
    folder = elsewhere / "rateval-fresh"
    told = call(
        installed / "rateval", "check-plugin", folder, "--no-types", "--json", cwd=elsewhere
    )
    assert json.loads(told)["verdict"] == "kept"
    call(
        installed / "python", "-m", "pip", "install", "--no-deps", "--no-index", "--quiet",
        "--no-build-isolation", folder, cwd=elsewhere,
    )  # fmt: skip
    call(installed / "rateval", "run", "study.toml", "--quiet", cwd=folder)
    assert list(folder.glob("runs/fresh-*/run.json"))
    call(
        installed / "python", "-m", "pip", "uninstall", "--yes", "--quiet", "rateval-fresh",
        cwd=elsewhere,
    )  # fmt: skip


def test_the_wheel_holds_packages_and_licence_and_nothing_else(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    folders = {name.partition("/")[0] for name in names}
    packages = {path.parent.name for path in ROOT.glob("plugins/*/__init__.py")}
    assert {name for name in folders if not name.endswith(".dist-info")} == packages | {"rateval"}
    assert any(name.endswith("licenses/LICENSE") for name in names)
    for package in packages | {"rateval"}:
        assert f"{package}/py.typed" in names
    for data in ("plan/aaai25.toml", "plan/published_values.csv"):
        assert f"rateval/{data}" in names
    assert wheel.stat().st_size < 8 * 2**20


def test_the_example_is_a_plugin_that_keeps_its_promises(
    elsewhere: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    site = tmp_path_factory.mktemp("site")
    call(
        sys.executable, "-m", "pip", "install", "--no-deps", "--no-index", "--quiet",
        "--no-build-isolation", "--target", site, ROOT / "examples" / "rateval-example",
        cwd=elsewhere,
    )  # fmt: skip
    listed = call(
        sys.executable, "-m", "rateval", "list", "--json", cwd=elsewhere, PYTHONPATH=str(site)
    )
    rows = {row["name"]: row for row in json.loads(listed)}
    assert rows["doubly-right"]["distribution"] == "rateval-example"
    assert rows["grayscale"]["available"] is True
    call(
        sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider",
        ROOT / "examples" / "rateval-example" / "tests",
        cwd=elsewhere, PYTHONPATH=str(site),
    )  # fmt: skip
