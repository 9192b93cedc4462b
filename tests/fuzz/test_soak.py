"""A few runs killed at random file operations, always the same ones; make soak kills many."""

from __future__ import annotations

import pytest

from faults.command import Commands
from faults.scenarios import SCENARIOS, Scenario
from faults.soak import Soak

HERE = [scenario for scenario in SCENARIOS if not scenario.has_children]


@pytest.fixture(scope="module")
def soak(commands: Commands, tmp_path_factory: pytest.TempPathFactory) -> Soak:
    return Soak(commands, tmp_path_factory.mktemp("soak"), seed=0)


@pytest.mark.parametrize("scenario", HERE, ids=str)
def test_killed_runs_come_to_the_same(soak: Soak, scenario: Scenario) -> None:
    soak.kill(0, [scenario])


def test_every_way_is_drawn() -> None:
    assert {scenario.runs for scenario in SCENARIOS} == {1, 2}
    assert {scenario.options for scenario in SCENARIOS} == {(), ("--fresh",)}
    assert sum(scenario.has_children for scenario in SCENARIOS) == 2
