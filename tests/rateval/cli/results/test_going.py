"""Commands say of a run that goes on, or died, that their numbers are of what there is."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rateval.records.run import RunRecord
from rateval.store.store import Store

Rateval = Callable[..., Any]
COMMANDS = {
    "report": ["report", "RUN", "--json"],
    "gate": ["gate", "RUN", "--require", "accuracy>=0.01", "--json"],
    "compare": ["compare", "RUN", "RUN", "--json"],
    "export": ["export", "RUN", "--format", "json"],
}


def words(command: str, run: RunRecord) -> list[str]:
    return [str(run.path) if word == "RUN" else word for word in COMMANDS[command]]


@pytest.mark.parametrize("command", COMMANDS)
def test_it_is_said_once_for_each_run_on_the_standard_error(
    rateval: Rateval, small: RunRecord, command: str
) -> None:
    ended = rateval(*words(command, small))
    assert ended.err == ""
    with Store(Path("runs/store")).owning(small.path):
        going = rateval(*words(command, small))
    assert going.out == ended.out
    json.loads(going.out)
    assert going.code == ended.code
    line = f"{small.path}: the run still goes on: 1 of 1 cells are there, and numbers are of them\n"
    assert going.err == line * words(command, small).count(str(small.path))


def test_a_dead_run_is_said_to_be_dead_with_how_to_go_on(rateval: Rateval, killed: Path) -> None:
    done = rateval("report", str(killed))
    assert done.code == 0
    assert done.err == (
        f"{killed}: the run died: 0 of 1 cells are there, and numbers are of them; start it again "
        f"by: rateval runs resume {killed}\n"
    )
