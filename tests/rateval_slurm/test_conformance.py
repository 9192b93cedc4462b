"""The executor keeps the promises of its kind, wherever its jobs are."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("submitit")

from rateval.testing import check_component
from rateval_slurm.plugin import SLURM


@pytest.mark.parametrize("cluster", ["local", "debug"])
def test_it_keeps_its_promises(cluster: str, tmp_path: Path) -> None:
    check_component(
        SLURM, "executor", cluster=cluster, folder=tmp_path, jobs=1, steps_per_job=3, in_flight=1
    )
