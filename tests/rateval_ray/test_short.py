"""A study on two nodes comes to the numbers of one process: the short form of test_study.py."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import rateval

from .conftest import Nodes
from .test_study import require_equal, spec

PATIENCE_S = 120.0
"""A computer that is too busy to start a cluster by then skips this; make test-ray does not."""


@pytest.fixture
def address() -> Iterator[str]:
    try:
        nodes = Nodes(PATIENCE_S)
    except RuntimeError as error:
        pytest.skip(str(error))
    yield nodes.address
    nodes.end()


@pytest.mark.slow
@pytest.mark.usefixtures("acme")
def test_rows_are_those_of_one_process(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    small = {
        "study": {"name": "tiny"},
        "run": {"device": "cpu", "batch_size": 5, "shard_size": 5},
    }
    here = rateval.run(spec() | small, output="here")
    there = rateval.run(spec(address, cpus=1) | small, output="there")
    require_equal(here, there)
