"""Real runs to compare: one beside another, and a set of seeds beside another one."""

from __future__ import annotations

from pathlib import Path

import pytest

import rateval
from rateval.records.compare import CompareRecord
from rateval.records.run import RunRecord, load

SPEC = """
[study]
name = "{name}"
{study}
[[dataset]]
name = "biased"
use = "shapes"
train_size = 60
test_size = 60
[[model]]
use = "clip"
[[finetune]]
use = "zs"
[[finetune]]
use = "lp"
epochs = {epochs}
[[attribution]]
use = "generic-attention"
[[evidence]]
name = "{validator}"
use = "relevance-mass"
[report]
pictures = 24
[run]
device = "cpu"
output = "{folder}/{name}"
"""


def make_run(folder: Path, name: str, epochs: int, validator: str, study: str = "") -> RunRecord:
    """Run a small study with pictures, and return it as it is loaded from its folder."""
    spec = folder / f"{name}.toml"
    spec.write_text(
        SPEC.format(name=name, epochs=epochs, validator=validator, study=study, folder=folder)
    )
    return load(rateval.run(spec).path)


@pytest.fixture(scope="session")
def pair_runs(tmp_path_factory: pytest.TempPathFactory) -> tuple[RunRecord, RunRecord]:
    """A baseline, and a candidate that calls its validator otherwise."""
    folder: Path = tmp_path_factory.mktemp("pair")
    return make_run(folder, "before", 1, "mass"), make_run(folder, "after", 30, "by-mass")


@pytest.fixture(scope="session")
def compared(pair_runs: tuple[RunRecord, RunRecord]) -> CompareRecord:
    """Both of them compared, with all units that changed."""
    return rateval.compare(*pair_runs, changed=None)


@pytest.fixture(scope="session")
def compared_seeds(tmp_path_factory: pytest.TempPathFactory) -> CompareRecord:
    """Two seeds of one study beside two of another."""
    folder: Path = tmp_path_factory.mktemp("seeds")
    study = "seeds = [0, 1]"
    runs = make_run(folder, "few", 1, "mass", study), make_run(folder, "many", 30, "mass", study)
    return rateval.compare(*runs, changed=None)
