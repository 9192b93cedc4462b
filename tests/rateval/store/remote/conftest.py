"""Places behind URLs: of this process, a folder, and a server that speaks S3, on this computer."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from rateval.store.remote import mirror


@pytest.fixture(autouse=True)
def computer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Computer]:
    """Return what makes this process seem another computer: with another cache."""
    here = Computer(tmp_path, monkeypatch)
    here.become("first")
    yield here
    mirror._objects.clear()


class Computer:
    """A cache folder; another one is another computer."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._folder, self._monkeypatch = folder, monkeypatch

    def become(self, name: str) -> Path:
        """Be another computer from now on; return the folder of its cache."""
        cache = self._folder / "computers" / name
        self._monkeypatch.setenv("RATEVAL_CACHE", str(cache))
        return cache


@pytest.fixture(params=["memory", "file", "s3"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return the URL of an output that is empty, of each kind."""
    if request.param == "memory":
        return f"memory://tests/{secrets.token_hex(4)}"
    if request.param == "file":
        return f"file://{tmp_path}/far/runs"
    return f"s3://{request.getfixturevalue('s3')}/team/runs"
