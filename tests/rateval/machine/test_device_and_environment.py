from __future__ import annotations

import importlib
import importlib.metadata
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from rateval.errors import RatevalError
from rateval.machine.device import resolve_device
from rateval.machine.environment import (
    describe_checkout,
    describe_environment,
    imported_distributions,
)


@pytest.fixture
def cards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)


@pytest.mark.usefixtures("cards")
@pytest.mark.parametrize(
    ("asked", "resolved"), [("auto", "cuda:0"), ("cuda", "cuda:0"), ("cuda:1", "cuda:1")]
)
def test_cards_are_found(asked: str, resolved: str) -> None:
    assert resolve_device(asked) == resolved


@pytest.mark.usefixtures("cards")
def test_a_card_that_is_not_there_names_those_that_are() -> None:
    with pytest.raises(RatevalError, match="there is cuda:0, cuda:1, cpu"):
        resolve_device("cuda:2")


def test_auto_falls_back_to_what_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    assert resolve_device("auto") == "cpu"
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert resolve_device("auto") == "mps"


def test_imported_distributions_have_versions() -> None:
    found = imported_distributions(["rateval"])
    assert found["torch"].startswith("2.")
    assert found["pytest"] == pytest.__version__
    assert "rateval" in found


def test_imported_distributions_are_those_that_python_finds() -> None:
    modules = {name.partition(".")[0] for name in sys.modules}
    mapping = importlib.metadata.packages_distributions()
    expected = {name for module in modules for name in mapping.get(module, ())}
    assert set(imported_distributions()) == expected


def test_what_is_installed_meanwhile_is_found(make_plugin: Callable[..., Path]) -> None:
    assert "late-plugin" not in imported_distributions()
    site = make_plugin("", distribution="late-plugin")
    record = site / "late_plugin-1.2.dist-info" / "RECORD"
    record.write_text("late_plugin_entry.py,,\n")
    assert "late-plugin" not in imported_distributions()  # nothing of it is imported
    importlib.import_module("late_plugin_entry")
    assert imported_distributions()["late-plugin"] == "1.2"


def git(folder: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=n", "-c", "user.email=e@example.org")
    done = subprocess.run(
        ["git", *identity, *arguments], cwd=folder, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def test_a_checkout_is_described_with_its_state(tmp_path: Path) -> None:
    assert describe_checkout(tmp_path) is None
    git(tmp_path, "init", "-q")
    (tmp_path / "spec.toml").write_text("a = 1")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-q", "-m", "first")
    clean = describe_checkout(tmp_path)
    assert clean is not None
    assert (clean.revision, clean.dirty) == (git(tmp_path, "rev-parse", "HEAD"), False)
    (tmp_path / "spec.toml").write_text("a = 2")
    changed = describe_checkout(tmp_path)
    assert changed is not None
    assert changed.dirty


def test_the_machine_is_described(tmp_path: Path) -> None:
    environment = describe_environment("cpu", 3, tmp_path, ["rateval"], {"mine.py": "sha256:0"})
    assert environment.device == "cpu"
    assert environment.cores >= 1
    assert environment.threads == torch.get_num_threads()
    assert environment.processor
    assert environment.files == {"mine.py": "sha256:0"}
