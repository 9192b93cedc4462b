"""What all targets share: commands in processes of their own, and how many cases are tried."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis.strategies import SearchStrategy

from faults.command import Commands
from faults.explore import Case, Target, asked_target
from faults.verdict import FaultError

Explore = Callable[..., None]


@pytest.fixture(scope="session")
def commands() -> Iterator[Commands]:
    """Yield a server of commands, which all tests here share: starting one takes seconds."""
    with Commands() as found:
        yield found


@pytest.fixture
def explore() -> Explore:
    """Return a function that tries a target: ``examples`` cases here, more under make fuzz."""

    def explore(
        name: str, cases: SearchStrategy[Case], check: Callable[[Case], None], examples: int
    ) -> None:
        if asked_target() not in (None, name):
            pytest.skip("another target is asked for")
        said = ""
        try:
            Target(name, cases, check).explore(examples)
        except FaultError as fault:
            said = str(fault)
        if said:
            pytest.fail(said, pytrace=False)

    return explore


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Return a folder for one case after the other."""
    return tmp_path / "case"
