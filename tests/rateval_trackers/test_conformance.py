"""Every tracker whose library is here keeps the promises of its kind."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import sys
from rateval.registry.discovery import discover
from rateval.testing import check_component
name, params = sys.argv[1], dict(pair.split("=", 1) for pair in sys.argv[2:])
found = discover(third_party=False, environment={}).find("tracker", name)
check_component(found.component, "tracker", **params)
"""


@pytest.mark.parametrize("name", ["mlflow", "tensorboard", "trackio", "wandb"])
def test_keeps_its_promises(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip(name)
    # In a process of its own: libraries keep threads and settings for a whole process.
    monkeypatch.setenv("TRACKIO_DIR", str(tmp_path))
    params = [f"uri=sqlite:///{tmp_path / 'mlflow.db'}"] if name == "mlflow" else []
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, name, *params], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
